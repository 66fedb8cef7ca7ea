"""Keras layers, one idea of a paper per file. They know keras.ops and no other folder of this repository."""
