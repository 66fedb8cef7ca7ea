"""FeatureEditing: reads the features of a ChairsGenerator's layers and draws from them; Section 6 of arXiv 1411.5928.

For arithmetic on features, random chairs from a distribution of features, and images of single units.
"""

import numpy as np
from keras import ops

from image_generators.layers.image_stream import START
from image_generators.models import checks
from image_generators.models.chairs import checks as chairs_checks
from image_generators.models.chairs.images import Generated

LAYERS = ("style1", "style2", "fc3", "fc4", "fc5")


class FeatureEditing:
    """Part of ChairsGenerator."""

    def features(
        self,
        style: int | np.ndarray,
        azimuth: float | np.ndarray = 0.0,
        elevation: float | np.ndarray = 0.0,
        transformation: np.ndarray | None = None,
        layer: str = "fc4",
        batch_size: int = 64,
    ) -> np.ndarray:
        """Features of a layer, after its ReLU: float32 `[n, units]`.

        Args:
            style, azimuth, elevation, transformation, batch_size: as for `generate`.
            layer: "style1" or "style2", which depend on the style alone; "fc3" or "fc4", which depend on all inputs; or
                "fc5", the first maps of the image, 8x8x256 at full width, followed by those of a second stream.
        """
        self._check_layer(layer)
        inputs = self._check_inputs(style, azimuth, elevation, transformation)

        def features(styles, views, transformation=None):
            if layer.startswith("style"):
                return ops.cast(self.style_features(styles, layer), "float32")
            joint = self.joint_features(
                self.style_features(styles), views, transformation, layer="fc3" if layer == "fc3" else "fc4"
            )
            return ops.cast(self.first_maps(joint) if layer == "fc5" else joint, "float32")

        return self._in_batches(self._compile_answer(f"features_{layer}", features), batch_size, *inputs)

    def generate_from_features(
        self,
        features: np.ndarray,
        layer: str = "fc4",
        azimuth: float | np.ndarray = 0.0,
        elevation: float | np.ndarray = 20.0,
        transformation: np.ndarray | None = None,
        batch_size: int = 64,
    ) -> Generated:
        """Images from features of a layer, as returned by `features` or modified.

        An argument with a single value is used for all images.

        Args:
            features: float `[n, units]`.
            layer: name of the layer.
            azimuth, elevation, transformation: as for `generate`; used only with layers "style1" and "style2".
            batch_size: number of images computed at a time; it bounds the memory.
        """
        self._check_layer(layer)
        units = (self._units(layer),)
        features = checks.as_array("features", features)
        features = checks.check_features("features", features, units, len(features) if features.ndim == 2 else 1)
        _, *inputs = self._check_inputs(0, azimuth, elevation, transformation)
        n = chairs_checks.agree(features=features, views=inputs[0])
        features, *inputs = (chairs_checks.spread(array, n) for array in (features, *inputs))

        def images(features, views, transformation=None):
            features = ops.cast(features, self.compute_dtype)
            if layer == "style1":
                features = self.style_layers[1](features)
            if layer.startswith("style"):
                features = self.joint_features(features, views, transformation)
            features = self.fc4(features) if layer == "fc3" else features
            features = features if layer == "fc5" else self.first_maps(features)
            return self._to_pixels(*self.pictures(features))

        paint = self._compile_answer(f"from_{layer}", images, pixels=2)
        return Generated(*self._in_batches(paint, batch_size, features, *inputs))

    def _units(self, layer):
        if layer == "fc5":
            return sum(START**2 * stream.filters[0] for stream in self.image_streams)
        return self._scaled(512 if layer.startswith("style") else 1024)

    def _check_layer(self, layer):
        checks.check_choice("layer", layer, LAYERS)
