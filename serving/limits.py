"""Bounds of an exported model, for the flags of export.py too: no TensorFlow here."""

MAX_ROWS = 64  # images in one request, and in one batch of requests: it bounds the memory
MOST_ROWS = 2**16  # that MAX_ROWS may be raised to
NEWEST = 2**63 - 1  # the highest version that a server can read
