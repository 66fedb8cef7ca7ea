"""What the networks of this repository are called in records, on command lines and by a server."""

from image_generators.models.chairs.generator import ChairsGenerator
from image_generators.models.draw.conv_classifier import ConvClassifier
from image_generators.models.draw.draw import Draw
from image_generators.models.draw.glimpse_classifier import DrawClassifier
from image_generators.models.pixelcnn.autoencoder import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from image_generators.models.pixelcnn.embedding_network import EmbeddingNetwork
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.models.pixelcnn.map_pixel_cnn import MapPixelCNN
from image_generators.models.pixelcnn.map_regression import MapRegression
from image_generators.models.pixelcnn.multi_scale_pixel_rnn import MultiScalePixelRNN
from image_generators.models.pixelcnn.pixel_cnn import PixelCNN
from image_generators.models.pixelcnn.pixel_rnn import PixelRNN

NETWORKS = {
    "pixel_cnn": PixelCNN,
    "gated_pixel_cnn": GatedPixelCNN,
    "row_lstm": PixelRNN,
    "diagonal_bilstm": PixelRNN,
    "diagonal_bilstm_7": PixelRNN,
    "multi_scale_row_lstm": MultiScalePixelRNN,
    "class_gated_pixel_cnn": GatedPixelCNN,
    "pixel_cnn_autoencoder_10": PixelCNNAutoencoder,
    "pixel_cnn_autoencoder_100": PixelCNNAutoencoder,
    "deconvolutional_autoencoder_10": DeconvolutionalAutoencoder,
    "deconvolutional_autoencoder_100": DeconvolutionalAutoencoder,
    "gated_pixel_cnn_of_embedding": GatedPixelCNN,
    "map_pixel_cnn_of_embedding": MapPixelCNN,
    "embedding_network": EmbeddingNetwork,
    "map_pixel_cnn": MapPixelCNN,
    "map_regression": MapRegression,
    "draw": Draw,
    "draw_without_attention": Draw,
    "conv_classifier": ConvClassifier,
    "draw_classifier_4": DrawClassifier,
    "draw_classifier_8": DrawClassifier,
    "chairs_1s_s": ChairsGenerator,
    "chairs_1s_s_wide": ChairsGenerator,
    "chairs_2s_e": ChairsGenerator,
    "chairs_2s_s": ChairsGenerator,
    "chairs_1s_s_deep": ChairsGenerator,
    "chairs_target_alone": ChairsGenerator,
    "chairs_without_transfer": ChairsGenerator,
    "chairs_with_transfer": ChairsGenerator,
    "chairs_extrapolated": ChairsGenerator,
}
