"""Data sets: images in, arrays or streams out. Nothing here depends on the models."""
