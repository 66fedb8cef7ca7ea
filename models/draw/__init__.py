"""DRAW and its glimpse classifier: arXiv 1502.04623."""
