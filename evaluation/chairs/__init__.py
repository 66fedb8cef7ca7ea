"""Baselines, recognition, optical flow and figures of arXiv 1411.5928."""
