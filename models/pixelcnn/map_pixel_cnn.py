"""MapPixelCNN: a Gated PixelCNN and the network m(h) of Eq. 5 of arXiv 1606.05328 before it, trained end to end.

condition h -> m, deconvolutional -> map s, as high and wide as the image -> into every gate of a GatedPixelCNN
"""

from keras import ops

from image_generators.layers.map_network import MapNetwork
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import split_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN

CERTAIN = 1e4  # a logit beside zeros: the others' probability is 0 in float32


def known_pixels(condition, levels):
    """Of images with holes and a mask, [n, height, width, colours + 1], where a pixel is known: bool [n, h, w, 1]."""
    return condition[..., -1:] == levels - 1


def check_map_condition(condition_shape, condition_levels):
    """`condition_levels` as int, or None; ValueError for no condition, or for an impossible number of levels."""
    if condition_shape is None:
        raise ValueError("condition_shape must be (features,) or (height, width, features). Received: None")
    return None if condition_levels is None else checks.check_integer("condition_levels", condition_levels, 2, 256)


def check_keeps_known(keeps_known, model):
    """Raises ValueError where a model's condition cannot be its image with holes and a mask."""
    height, width, colours = model.image_shape
    expected = (height, width, colours + 1), model.levels
    if keeps_known and (model.condition_shape, model.condition_levels) != expected:
        raise ValueError(
            "keeps_known must be False unless the condition is the image and a mask: "
            f"condition_shape={expected[0]}, condition_levels={expected[1]}. "
            f"Received: condition_shape={model.condition_shape}, condition_levels={model.condition_levels}"
        )


@serializable("models")
class MapPixelCNN(GatedPixelCNN):
    """p(image | h), where h says something of places in the image.

    Args:
        image_shape: (height, width, colours).
        condition_shape: of one h: (features,), or (height, width, features) of which some doublings make the image's
            height and width (8x8 for a 32x32 image).
        condition_levels: None for features as they are; 256 where h are images, uint8.
        map_filters: channels of s and of all maps inside m.
        map_depth: residual blocks of m.
        map_halvings: how often m halves a map before it doubles it, to see further.
        keeps_known: whether h is the image with holes and, as its last channel, a mask: the highest level where the
            pixel is known, else 0. A known pixel then has its value with certainty, in likelihoods and in samples.
        **kwargs: of GatedPixelCNN.

    Raises:
        ValueError: for no condition; for `keeps_known` of another condition; or as of GatedPixelCNN.
    """

    def __init__(
        self,
        image_shape=(32, 32, 3),
        condition_shape=(10,),
        condition_levels=None,
        map_filters=32,
        map_depth=2,
        map_halvings=0,
        keeps_known=False,
        **kwargs,
    ):
        self.map_filters = checks.check_integer("map_filters", map_filters, 1)  # now: the base asks for features_shape
        condition_levels = check_map_condition(condition_shape, condition_levels)
        super().__init__(image_shape, condition_shape=condition_shape, **kwargs)
        self.condition_levels = condition_levels
        check_keeps_known(keeps_known, self)
        self.keeps_known = keeps_known
        self.map_network = MapNetwork(
            self.image_shape[:2], map_filters, map_depth, map_halvings, condition_levels, dtype=self.dtype_policy
        )
        self.map_depth, self.map_halvings = self.map_network.depth, self.map_network.halvings

    @property
    def features_shape(self):
        return (*self.image_shape[:2], self.map_filters)

    def build_network(self):
        self.map_network.build((None, *self.condition_shape))
        super().build_network()

    def condition_features(self, condition):
        """h [batch, *condition_shape] -> s = m(h), [batch, height, width, map_filters]."""
        return None if condition is None else self.map_network(super().condition_features(condition))

    def call(self, inputs, training=None):
        logits = super().call(inputs, training=training)
        if not self.keeps_known:
            return logits
        images, condition = split_inputs(inputs)
        certain = CERTAIN * ops.one_hot(condition[..., :-1], self.levels, dtype="float32")
        return ops.where(known_pixels(condition, self.levels)[..., None], certain, logits)

    def generate(self, uniforms, images, known, temperature, condition=None):
        if self.keeps_known:
            given = known_pixels(condition, self.levels)
            images = ops.where(given, ops.cast(condition[..., :-1], "float32"), images)
            known = ops.where(given, 1.0, known)
        return super().generate(uniforms, images, known, temperature, condition)

    def _check_condition(self, condition, n):
        if self.condition_levels is None:
            return super()._check_condition(condition, n)
        return checks.check_images(condition, self.condition_shape, self.condition_levels, name="condition", n=n)

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        names = ("condition_levels", "map_filters", "map_depth", "map_halvings", "keeps_known")
        return {**config, **{name: getattr(self, name) for name in names}}
