"""What the networks of this repository are called in records, on command lines and by a server."""

from models.conv_classifier import ConvClassifier
from models.draw import Draw
from models.draw_classifier import DrawClassifier
from models.gated_pixel_cnn import GatedPixelCNN
from models.pixel_cnn import PixelCNN

NETWORKS = {
    "pixel_cnn": PixelCNN,
    "gated_pixel_cnn": GatedPixelCNN,
    "draw": Draw,
    "draw_without_attention": Draw,
    "conv_classifier": ConvClassifier,
    "draw_classifier_4": DrawClassifier,
    "draw_classifier_8": DrawClassifier,
}
