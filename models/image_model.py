"""ImageModel: the base class of all models of images: checked arguments, a unit, functions compiled once."""

import math
import os

import keras
import numpy as np
from keras import ops

from image_generators.models import checks, replicas
from image_generators.models.compiled import compiled

KERAS_BATCH_SIZE = 32  # Keras' default


class ImageModel(keras.Model):
    """Base class of all models of images, trained by `compile(optimizer)` and `fit`. The loss is built in, in `unit`.

    Args:
        image_shape: (height, width, colours); colours 3 (RGB) or 1 (grey, binary).
        levels: number of values of a sub-pixel, 0 .. levels - 1: 256, or 2 for binary images.
    """

    needs_labels = False  # whether `fit` and `evaluate` need (images, labels) instead of images
    needs_identities = False  # whether `fit` needs batches with several images of each identity
    accepted_channels = (1, 3)  # numbers of channels that an image may have
    takes_condition = False  # whether `fit` and `evaluate` need {"images": images, "condition": labels or features}

    def __init__(self, image_shape: tuple[int, int, int], levels: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = checks.check_image_shape(image_shape, self.accepted_channels)
        self.levels = checks.check_integer("levels", levels, 2, 256)
        self.colours = self.image_shape[-1]
        self._compiled = {}

    @property
    def unit(self) -> str:
        """Unit of the loss: 'bits_per_dim', or 'nats' (per image) for binary images."""
        return "nats" if self.levels == 2 else "bits_per_dim"

    def in_unit(self, log_prob):
        """Log-likelihood per image in nats -> cost per image in `unit`."""
        return -log_prob / (math.prod(self.image_shape) * math.log(2.0)) if self.unit == "bits_per_dim" else -log_prob

    def fit(self, x=None, y=None, batch_size: int | None = None, *args, **kwargs):
        """As keras.Model.fit. Arrays, including validation_data, are checked before training starts.

        For streams (tf.data, generators) only shapes and types are checked, since a graph cannot raise errors about
        values. Instead the loss is NaN for images with values beyond `levels` and for labels that are not classes.

        Raises:
            ValueError: if images, labels or conditions do not suit the model.
        """
        self._check_arrays(x, y, batch_size)
        validation_batch_size = kwargs.get("validation_batch_size")
        if validation_batch_size is not None:
            checks.check_integer("validation_batch_size", validation_batch_size, 1)
        if kwargs.get("validation_data") is not None:
            validation_x, validation_y, _ = keras.utils.unpack_x_y_sample_weight(kwargs["validation_data"])
            self._check_arrays(validation_x, validation_y, validation_batch_size or batch_size)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(self, x=None, y=None, batch_size: int | None = None, *args, **kwargs):
        """As keras.Model.evaluate. Arguments are checked as by `fit`."""
        self._check_arrays(x, y, batch_size)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def predict(self, x, batch_size: int | None = None, *args, **kwargs):
        """As keras.Model.predict. `batch_size` is checked as by `fit`."""
        if batch_size is not None:
            checks.check_integer("batch_size", batch_size, 1)
        return super().predict(x, batch_size, *args, **kwargs)

    def export(
        self, filepath: str | os.PathLike, format: str = "tf_saved_model", verbose=None, input_signature=None, **kwargs
    ):
        """As keras.Model.export. The default signature is that of `call`: uint8 images, or a dict with a condition."""
        self.build()
        return super().export(filepath, format, verbose, input_signature or self._export_signature(), **kwargs)

    def _export_signature(self):
        images = keras.InputSpec("uint8", (None, *self.image_shape), name="images")
        if not self.takes_condition:
            return [images]
        dtype, shape = self._condition_type()
        return [{"images": images, "condition": keras.InputSpec(dtype, (None, *shape), name="condition")}]

    def _condition_type(self):
        """(dtype, shape of one condition) of a conditional model."""
        if getattr(self, "num_classes", None) is not None:
            return "int32", ()
        return "float32" if getattr(self, "condition_levels", None) is None else "uint8", self.condition_shape

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """As in Keras, but under tf.distribute it builds from one replica's batch.

        Keras takes the mean over replicas there, which turns uint8 images into floats.
        """
        if iterator is not None and self._distribute_strategy is not None:
            local_results = self._distribute_strategy.experimental_local_results
            batch = next(next(iter(iterator))[-1])
            iterator, data_batch = None, keras.tree.map_structure(lambda values: local_results(values)[0], batch)
        super()._maybe_symbolic_build(iterator, data_batch)

    def _check_arrays(self, x, y, batch_size):
        if batch_size is not None:
            checks.check_integer("batch_size", batch_size, 1)
        self._check_training(y)
        images, condition = (x.get("images"), x.get("condition")) if isinstance(x, dict) else (x, None)
        if isinstance(images, np.ndarray):
            for name, values in (("condition", condition), ("labels", y)):
                if isinstance(values, (tuple, list)):  # Keras would treat each number as an input
                    raise ValueError(f"{name} must be an array. Received: a {type(values).__name__}")
            self._check_examples(images, condition, y)
            self._check_batches(len(images), batch_size or KERAS_BATCH_SIZE)

    def _check_training(self, y):
        if self._compile_loss is not None:
            raise ValueError(f"loss must be None in compile: {type(self).__name__} has a loss of its own")
        if y is not None and not self.needs_labels:
            raise ValueError(
                f"y must be None: {type(self).__name__} is trained without labels. Received: y; remove the labels of a "
                "data set with dataset.map(lambda x, y: x)"
            )

    def _check_examples(self, images, condition, labels):
        """Raises ValueError for arrays that do not suit the model. Subclasses check their condition or labels too."""
        checks.check_images(images, self.image_shape, self.levels)

    def _check_batches(self, n, batch_size):
        """Raises ValueError if the model cannot be trained on n images in batches of this size."""

    def mean_cost(self, cost, images, sample_weight=None):
        """The loss: the weighted mean of `cost` `[batch]`; NaN if an image has values beyond `levels`.

        Under tf.distribute, the result is this replica's share of the mean.
        """
        if self.levels < 256 or keras.backend.standardize_dtype(images.dtype) != "uint8":
            cost = checks.nan_beyond(cost, images, self.levels)
        return replicas.share(ops.mean(cost if sample_weight is None else cost * sample_weight))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As in Keras. Raises ValueError for labels or metrics that the model has no use for."""
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
        """Raises NotFinite (of models/checks.py) if a weight is NaN or infinite."""
        flags = self._compile("check_weights", lambda: ops.stack([ops.all(ops.isfinite(w)) for w in self.weights]))()
        bad = [w.path for w, finite in zip(self.weights, ops.convert_to_numpy(flags), strict=True) if not finite]
        if bad:
            raise checks.NotFinite(
                "weights must be finite: load others, or train again at a lower learning rate. "
                f"Received: NaN or infinity in {len(bad)} of {len(self.weights)} weights, the first {bad[0]!r}"
            )

    def _compile_answer(self, name, function, pixels=0, jit_compile=False):
        """`function`, compiled, with NumPy arrays as results: for everything that becomes an image or a decision.

        Args:
            name, function, jit_compile: as for `_compile`.
            pixels: how many of the results, counted from the first, are pixel values and become uint8.

        Raises:
            NotFinite: at once, if a weight is not finite; when the function is called, if a result is not finite.
        """
        self.check_weights()
        compute = self._compile(name, function, jit_compile)

        def answer(*tensors):
            results = compute(*tensors)
            is_tuple = isinstance(results, (tuple, list))
            arrays = [checks.check_computed(result) for result in (results if is_tuple else [results])]
            arrays = [array.astype("uint8") if i < pixels else array for i, array in enumerate(arrays)]
            return tuple(arrays) if is_tuple else arrays[0]

        return answer

    def _in_batches(self, function, batch_size, *arrays):
        """Applies `function` to batches of the arrays and concatenates its results, NumPy arrays or tuples of them."""
        batch_size = checks.check_integer("batch_size", batch_size, 1)
        n = len(arrays[0])
        if n == 0:  # one example of zeros, removed below, gives the results' shapes: Keras' LSTM takes no empty batch
            arrays = [np.zeros((1, *a.shape[1:]), a.dtype) for a in arrays]
        starts = range(0, max(n, 1), batch_size)
        results = [function(*(a[i : i + batch_size] for a in arrays)) for i in starts]
        if isinstance(results[0], (tuple, list)):
            return tuple(self._join(batches)[:n] for batches in zip(*results, strict=True))
        return self._join(results)[:n]

    def _join(self, batches):
        return np.concatenate([ops.convert_to_numpy(batch) for batch in batches])

    def build(self, input_shape=None):
        """Creates all weights. Their shapes depend on the constructor's arguments alone."""
        if not self.built:
            with replicas.scope_of(self):
                self.build_network()
            self.built = True

    def build_network(self):
        """Builds every layer. Subclasses implement it; `build` calls it."""
        raise NotImplementedError

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        """What tf.train.Checkpoint saves. Keras omits layers in lists, so every weight is added here."""
        children = super()._trackable_children(save_type, **kwargs)
        if save_type == "checkpoint":
            self.build()
            children |= {f"weight_{i}": weight for i, weight in enumerate(self.weights)}
        return children

    def get_config(self):
        return {**super().get_config(), "image_shape": list(self.image_shape), "levels": self.levels}
