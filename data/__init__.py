"""Images in, arrays or streams out; knows nothing of models."""
