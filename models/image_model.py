"""ImageModel: what every model of images here shares: its arguments, its unit, and functions compiled once."""

import math

import keras
import numpy as np
from keras import ops

from image_generators.models import checks, replicas
from image_generators.models.compiled import compiled

KERAS_BATCH_SIZE = 32  # of arrays, where none is given


class ImageModel(keras.Model):
    """Base of all models of images: trained by `compile(optimizer)` and `fit`, with a loss of its own, in `unit`.

    Args:
        image_shape: (height, width, colours); colours 3 (RGB) or 1 (grey, binary).
        levels: values of a sub-pixel, 0 .. levels - 1: 256, or 2 for binary images.
    """

    needs_labels = False  # whether `fit` and `evaluate` want (images, labels), not images alone
    needs_identities = False  # whether `fit` wants batches that hold several images of each of some identities
    accepted_channels = (1, 3)  # how many values a pixel may have
    takes_condition = False  # whether they want {"images": images, "condition": labels, or other conditions}

    def __init__(self, image_shape, levels=256, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = checks.check_image_shape(image_shape, self.accepted_channels)
        self.levels = checks.check_integer("levels", levels, 2, 256)
        self.colours = self.image_shape[-1]
        self._compiled = {}

    @property
    def unit(self):
        """How a likelihood is reported: 'bits_per_dim', or 'nats' (per image) for binary images."""
        return "nats" if self.levels == 2 else "bits_per_dim"

    def in_unit(self, log_prob):
        """Nats of log-likelihood per image -> cost per image in `unit`."""
        return -log_prob / (math.prod(self.image_shape) * math.log(2.0)) if self.unit == "bits_per_dim" else -log_prob

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Keras' own. Arrays, those of validation_data too, are checked first: a graph cannot look at values.

        Of streams (tf.data, generators) the shapes and types are checked. Their values are not: the loss is NaN where
        it would be wrong, of images beyond `levels` and of labels that are no class.

        Raises:
            ValueError: images, or what comes with them, that the model cannot learn from.
        """
        self._check_arrays(x, y, batch_size)
        validation_batch_size = kwargs.get("validation_batch_size")
        if validation_batch_size is not None:
            checks.check_integer("validation_batch_size", validation_batch_size, 1)
        if kwargs.get("validation_data") is not None:
            validation_x, validation_y, _ = keras.utils.unpack_x_y_sample_weight(kwargs["validation_data"])
            self._check_arrays(validation_x, validation_y, validation_batch_size or batch_size)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Keras' own; what it is given is checked as by `fit`."""
        self._check_arrays(x, y, batch_size)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Keras' own; `batch_size` is checked as by `fit`."""
        if batch_size is not None:
            checks.check_integer("batch_size", batch_size, 1)
        return super().predict(x, batch_size, *args, **kwargs)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Keras' own; the default signature is that of `call`: uint8 images, or a dict of them and their condition."""
        self.build()
        return super().export(filepath, format, verbose, input_signature or self._export_signature(), **kwargs)

    def _export_signature(self):
        images = keras.InputSpec("uint8", (None, *self.image_shape), name="images")
        if not self.takes_condition:
            return [images]
        dtype, shape = self._condition_type()
        return [{"images": images, "condition": keras.InputSpec(dtype, (None, *shape), name="condition")}]

    def _condition_type(self):
        """(dtype, shape of one) of the conditions of a model that takes them."""
        if getattr(self, "num_classes", None) is not None:
            return "int32", ()
        return "float32" if getattr(self, "condition_levels", None) is None else "uint8", self.condition_shape

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras' own, which builds under tf.distribute, from the mean of the replicas' parts: floats. Here from one."""
        if iterator is not None and self._distribute_strategy is not None:
            parts = self._distribute_strategy.experimental_local_results
            batch = next(next(iter(iterator))[-1])
            iterator, data_batch = None, keras.tree.map_structure(lambda values: parts(values)[0], batch)
        super()._maybe_symbolic_build(iterator, data_batch)

    def _check_arrays(self, x, y, batch_size):
        if batch_size is not None:
            checks.check_integer("batch_size", batch_size, 1)
        self._check_training(y)
        images, condition = (x.get("images"), x.get("condition")) if isinstance(x, dict) else (x, None)
        if isinstance(images, np.ndarray):
            for name, given in (("condition", condition), ("labels", y)):
                if isinstance(given, (tuple, list)):  # of which Keras takes each number for an input
                    raise ValueError(f"{name} must be an array. Received: a {type(given).__name__}")
            self._check_examples(images, condition, y)
            self._check_batches(len(images), batch_size or KERAS_BATCH_SIZE)

    def _check_training(self, y):
        if self._compile_loss is not None:
            raise ValueError(f"loss must be None in compile: {type(self).__name__} has a loss of its own")
        if y is not None and not self.needs_labels:
            raise ValueError(
                f"y must be None: {type(self).__name__} is trained without labels. Received: y; of a data set with "
                "labels take the images alone, by dataset.map(lambda x, y: x)"
            )

    def _check_examples(self, images, condition, labels):
        """Raises ValueError for arrays that are not for this model; a subclass checks its condition or labels."""
        checks.check_images(images, self.image_shape, self.levels)

    def _check_batches(self, n, batch_size):
        """Raises ValueError where n images in batches of such a size are not for this model."""

    def mean_cost(self, cost, images, sample_weight=None):
        """The loss: the mean of `cost` [batch], weighed; NaN where an image has values beyond `levels`.

        Under tf.distribute it is a replica's share of it.
        """
        if self.levels < 256 or keras.backend.standardize_dtype(images.dtype) != "uint8":  # which has none beyond
            cost = checks.nan_beyond(cost, images, self.levels)
        return replicas.share(ops.mean(cost if sample_weight is None else cost * sample_weight))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Keras' own. ValueError for labels that mean nothing here, and for what `compile` takes for other models."""
        self._check_training(y)
        if y is None and self._compile_metrics is not None:
            raise ValueError(f"metrics must be None: {type(self).__name__} is trained without labels")
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_metrics_result(self):
        results = super().get_metrics_result()
        return {self.unit: results["loss"], **results} if "loss" in results else results

    def _compile(self, name, function, jit_compile=False):
        if not self.built:
            self.build()
        if (name, jit_compile) not in self._compiled:
            self._compiled[name, jit_compile] = compiled(self, function, jit_compile)
        return self._compiled[name, jit_compile]

    def check_weights(self):
        """Raises NotFinite (of models/checks.py) where a weight is NaN or infinite."""
        each = self._compile("check_weights", lambda: ops.stack([ops.all(ops.isfinite(w)) for w in self.weights]))()
        bad = [w.path for w, finite in zip(self.weights, ops.convert_to_numpy(each), strict=True) if not finite]
        if bad:
            raise checks.NotFinite(
                "weights must be finite: load others, or train again at a lower learning rate. "
                f"Received: NaN or infinity in {len(bad)} of {len(self.weights)} weights, the first {bad[0]!r}"
            )

    def _compile_answer(self, name, function, pixels=0, jit_compile=False):
        """`function` compiled, its results NumPy arrays: for whatever becomes a picture or a decision.

        Args:
            name, function, jit_compile: as for `_compile`.
            pixels: how many results, the first ones, are values of pixels: they become uint8.

        Raises:
            NotFinite: now, for a weight that is not finite; when called, for such a result.
        """
        self.check_weights()
        compute = self._compile(name, function, jit_compile)

        def answer(*tensors):
            results = compute(*tensors)
            several = isinstance(results, (tuple, list))
            arrays = [checks.check_computed(result) for result in (results if several else [results])]
            arrays = [array.astype("uint8") if i < pixels else array for i, array in enumerate(arrays)]
            return tuple(arrays) if several else arrays[0]

        return answer

    def _in_batches(self, function, batch_size, *arrays):
        """`function` of slices of the arrays: its results, NumPy arrays or a tuple of them, joined."""
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        n = len(arrays[0])
        if n == 0:  # one blank, cut off again, gives the results' shapes: an LSTM of Keras takes no empty batch
            arrays = [np.zeros((1, *a.shape[1:]), a.dtype) for a in arrays]
        starts = range(0, max(n, 1), batch_size)
        parts = [function(*(a[i : i + batch_size] for a in arrays)) for i in starts]
        if isinstance(parts[0], (tuple, list)):
            return tuple(self._join(column)[:n] for column in zip(*parts, strict=True))
        return self._join(parts)[:n]

    def _join(self, parts):
        return np.concatenate([ops.convert_to_numpy(part) for part in parts])

    def build(self, input_shape=None):
        """Creates all weights; their shapes follow from the constructor's arguments alone."""
        if not self.built:
            with replicas.scope_of(self):
                self.build_network()
            self.built = True

    def build_network(self):
        """Builds every layer (a subclass's part of `build`)."""
        raise NotImplementedError

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        """What tf.train.Checkpoint keeps: Keras leaves out layers in lists, so that each weight has a place here."""
        children = super()._trackable_children(save_type, **kwargs)
        if save_type == "checkpoint":
            self.build()
            children |= {f"weight_{i}": weight for i, weight in enumerate(self.weights)}
        return children

    def get_config(self):
        return {**super().get_config(), "image_shape": list(self.image_shape), "levels": self.levels}
