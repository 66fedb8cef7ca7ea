"""FeatureEditing: the features of a ChairsGenerator's layers, read, and drawn from; Section 6 of arXiv 1411.5928.

For arithmetic on features, random chairs from a distribution of them, and pictures of single units.
"""

from keras import ops

from image_generators.layers.image_stream import START
from image_generators.models import checks
from image_generators.models.chairs import checks as chairs_checks
from image_generators.models.chairs.images import Generated

LAYERS = ("style1", "style2", "fc3", "fc4", "fc5")


class FeatureEditing:
    """Part of ChairsGenerator."""

    def features(self, style, azimuth=0.0, elevation=0.0, transformation=None, layer="fc4", batch_size=64):
        """Features of a layer, after its ReLU: float32 [n, units].

        Args:
            style, azimuth, elevation, transformation, batch_size: as for `generate`.
            layer: "style1" or "style2", of the style alone; "fc3" or "fc4", of all; "fc5", the first maps of the image,
                8x8x256 at full width, followed by those of a second stream.
        """
        self._check_layer(layer)
        given = self._check_inputs(style, azimuth, elevation, transformation)

        def features(styles, views, transformation=None):
            if layer.startswith("style"):
                return ops.cast(self.style_features(styles, layer), "float32")
            joint = self.joint_features(
                self.style_features(styles), views, transformation, layer="fc3" if layer == "fc3" else "fc4"
            )
            return ops.cast(self.first_maps(joint) if layer == "fc5" else joint, "float32")

        return self._in_batches(self._compile_answer(f"features_{layer}", features), batch_size, *given)

    def generate_from_features(
        self, features, layer="fc4", azimuth=0.0, elevation=20.0, transformation=None, batch_size=64
    ):
        """Pictures from the features of a layer, as `features` gives them, or changed: Generated.

        One of an argument stands for all.

        Args:
            features: float [n, units].
            layer: which layer's.
            azimuth, elevation, transformation: as for `generate`; they matter to "style1" and "style2" alone.
            batch_size: pictures computed at a time.
        """
        self._check_layer(layer)
        units = (self._units(layer),)
        features = checks.as_array("features", features)
        features = checks.check_features("features", features, units, len(features) if features.ndim == 2 else 1)
        _, *given = self._check_inputs(0, azimuth, elevation, transformation)
        n = chairs_checks.agree(features=features, views=given[0])
        features, *given = (chairs_checks.spread(array, n) for array in (features, *given))

        def pictures(features, views, transformation=None):
            found = ops.cast(features, self.compute_dtype)
            if layer == "style1":
                found = self.style_layers[1](found)
            if layer.startswith("style"):
                found = self.joint_features(found, views, transformation)
            found = self.fc4(found) if layer == "fc3" else found
            found = found if layer == "fc5" else self.first_maps(found)
            return self._whole(*self.pictures(found))

        paint = self._compile_answer(f"from_{layer}", pictures, pixels=2)
        return Generated(*self._in_batches(paint, batch_size, features, *given))

    def _units(self, layer):
        if layer == "fc5":
            return sum(START**2 * stream.filters[0] for stream in self.image_streams)
        return self._scaled(512 if layer.startswith("style") else 1024)

    def _check_layer(self, layer):
        checks.check_choice("layer", layer, LAYERS)
