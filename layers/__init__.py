"""Ground floor: Keras layers, one idea of a paper per file; knows keras.ops and nothing of ours."""
