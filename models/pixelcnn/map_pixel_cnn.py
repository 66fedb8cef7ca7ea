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


def check_map_arguments(condition_shape, condition_levels, map_filters, map_depth, map_halvings):
    """The last four as int, and None for no levels; ValueError for no condition, or for an impossible number."""
    if condition_shape is None:
        raise ValueError("condition_shape must be (features,) or (height, width, features). Received: None")
    if condition_levels is not None:
        condition_levels = checks.check_integer("condition_levels", condition_levels, 2, 256)
    map_filters = checks.check_integer("map_filters", map_filters, 1)
    map_depth = checks.check_integer("map_depth", map_depth, 0)
    return condition_levels, map_filters, map_depth, checks.check_integer("map_halvings", map_halvings, 0)


def check_map_sizes(model):
    """Raises ValueError where a model's m cannot make a map as large as the image of its condition."""
    size, (*start, _), halvings = model.image_shape[:2], model.condition_shape, model.map_halvings
    if not start and halvings:
        raise ValueError(f"map_halvings must be 0 for vector conditions. Received: map_halvings={halvings}")
    doubled = [tuple(side << k for side in start) for k in range(max(size).bit_length())]
    if start and (size not in doubled or any(side % 2**halvings for side in start)):
        raise ValueError(
            "condition_shape must be as high and wide as image_shape or smaller by a power of two, and divide by "
            f"2**map_halvings. Received: condition_shape={model.condition_shape}, image_shape={model.image_shape}, "
            f"map_halvings={halvings}"
        )


def check_keeps_known(keeps_known, model):
    """`keeps_known` as bool; ValueError where a model's condition cannot be its image with holes and a mask."""
    keeps_known = checks.check_flag("keeps_known", keeps_known)
    height, width, colours = model.image_shape
    expected = (height, width, colours + 1), model.levels
    if keeps_known and (model.condition_shape, model.condition_levels) != expected:
        raise ValueError(
            "keeps_known must be False unless the condition is the image and a mask: "
            f"condition_shape={expected[0]}, condition_levels={expected[1]}. "
            f"Received: condition_shape={model.condition_shape}, condition_levels={model.condition_levels}"
        )
    return keeps_known


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
        checks.check_absent(self, kwargs, "num_classes")
        arguments = check_map_arguments(condition_shape, condition_levels, map_filters, map_depth, map_halvings)
        # Before the base class is made, which asks for features_shape.
        self.condition_levels, self.map_filters, self.map_depth, self.map_halvings = arguments
        super().__init__(image_shape, condition_shape=condition_shape, **kwargs)
        check_map_sizes(self)
        self.keeps_known = check_keeps_known(keeps_known, self)
        self.map_network = MapNetwork(
            self.image_shape[:2],
            self.map_filters,
            self.map_depth,
            self.map_halvings,
            self.condition_levels,
            dtype=self.dtype_policy,
        )

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
