"""Top floor: one absl script per table or figure of a paper, and the few helpers they share."""

import os

# Before TensorFlow is imported, or it does not listen: its log says on every machine without a GPU that there is none,
# as an error. What goes wrong in a step raises a Python exception all the same; set it to 0 to see all. What it says
# while it is imported, of oneDNN and CUDA's drivers, comes all the same (tensorflow/tensorflow#100442).
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
