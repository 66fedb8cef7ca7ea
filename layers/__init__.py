"""Keras layers, one idea of a paper per file. They import nothing from the other folders of this repository."""
