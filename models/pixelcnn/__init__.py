"""PixelCNN, Gated PixelCNN and PixelRNN: arXiv 1606.05328 and 1601.06759."""
