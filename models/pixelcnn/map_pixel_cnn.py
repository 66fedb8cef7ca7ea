"""MapPixelCNN: a Gated PixelCNN conditioned on a map s = m(h), Eq. 5 of arXiv 1606.05328; both are trained end to end.

condition h -> m, deconvolutional -> map s, as high and wide as the image -> every gate of a GatedPixelCNN
"""

from keras import ops

from image_generators.layers.map_network import MapNetwork
from image_generators.layers.serialization import serializable
from image_generators.models import checks
from image_generators.models.pixelcnn.autoregressive import split_inputs
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN

CERTAIN = 1e4  # logit of a known value; the other logits are 0, and their probabilities are 0 in float32


def known_pixels(condition, levels: int):
    """Where pixels are known, bool `[n, H, W, 1]`, from images with holes and a mask, `[n, H, W, colours + 1]`."""
    return condition[..., -1:] == levels - 1


def check_map_arguments(condition_shape, condition_levels, map_filters, map_depth, map_halvings):
    """(condition_levels or None, map_filters, map_depth, map_halvings) as int. Raises ValueError for bad ones."""
    if condition_shape is None:
        raise ValueError("condition_shape must be (features,) or (height, width, features). Received: None")
    if condition_levels is not None:
        condition_levels = checks.check_integer("condition_levels", condition_levels, 2, 256)
    map_filters = checks.check_integer("map_filters", map_filters, 1)
    map_depth = checks.check_integer("map_depth", map_depth, 0)
    return condition_levels, map_filters, map_depth, checks.check_integer("map_halvings", map_halvings, 0)


def check_map_sizes(model):
    """Raises ValueError if m cannot turn the model's condition into a map as large as the image."""
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
    """`keeps_known` as bool. Raises ValueError if the model's condition cannot be an image with holes and a mask."""
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
    """p(image | h), where h contains information about places in the image.

    Args:
        image_shape: (height, width, colours).
        condition_shape: shape of one h: (features,), or (height, width, features), smaller than the image by a power of
            two (such as 8x8 for a 32x32 image) or of its size.
        condition_levels: None if h is features; 256 if h is an image, uint8.
        map_filters: channels of s and of all maps inside m.
        map_depth: number of residual blocks of m.
        map_halvings: how often m halves a map before it doubles it, to widen its receptive field.
        keeps_known: whether h is the image with holes and a mask as its last channel: the highest level where a pixel
            is known, else 0. Known pixels then keep their values, with probability 1, in likelihoods and in samples.
        **kwargs: as for GatedPixelCNN.

    Raises:
        ValueError: if `condition_shape` is None, if `keeps_known` does not suit it, or as for GatedPixelCNN.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (32, 32, 3),
        condition_shape: tuple[int, ...] = (10,),
        condition_levels: int | None = None,
        map_filters: int = 32,
        map_depth: int = 2,
        map_halvings: int = 0,
        keeps_known: bool = False,
        **kwargs,
    ):
        checks.check_absent(self, kwargs, "num_classes")
        arguments = check_map_arguments(condition_shape, condition_levels, map_filters, map_depth, map_halvings)
        # Set first, because the base class's constructor uses features_shape.
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
    def features_shape(self) -> tuple[int, int, int]:
        return (*self.image_shape[:2], self.map_filters)

    def build_network(self):
        self.map_network.build((None, *self.condition_shape))
        super().build_network()

    def condition_features(self, condition):
        """h `[batch, *condition_shape]` -> s = m(h) of Eq. 5, `[batch, height, width, map_filters]`."""
        return None if condition is None else self.map_network(super().condition_features(condition))  # Eq. 5

    def call(self, inputs, training=None):
        logits = super().call(inputs, training=training)
        if not self.keeps_known:
            return logits
        images, condition = split_inputs(inputs)
        certain = CERTAIN * ops.one_hot(condition[..., :-1], self.levels, dtype="float32")
        return ops.where(known_pixels(condition, self.levels)[..., None], certain, logits)

    def generate(self, uniforms, images, known, temperature, condition=None):
        if self.keeps_known:
            is_known = known_pixels(condition, self.levels)
            images = ops.where(is_known, ops.cast(condition[..., :-1], "float32"), images)
            known = ops.where(is_known, 1.0, known)
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
