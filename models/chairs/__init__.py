"""The generator of chairs, tables and cars: arXiv 1411.5928."""
