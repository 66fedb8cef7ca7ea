"""Images in, arrays out; knows nothing of models."""
