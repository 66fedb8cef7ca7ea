"""Second floor: SavedModel export, TF Serving configuration, a client; knows models."""

import os

# As in reproduce/: before TensorFlow is imported, or its log says of every machine without a GPU that there is none.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
