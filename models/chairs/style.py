"""StyleFitting: finds the style vector of a chair that the network was not trained on, by gradient descent.

The network's weights do not change. The style vector has one of two parametrisations:

    free      any vector of num_styles numbers
    mixture   softmax of num_styles numbers: a weighted mean of the known styles
"""

import keras
import numpy as np
from keras import ops

from image_generators.models import checks
from image_generators.models.chairs import checks as chairs_checks
from image_generators.models.compiled import with_gradient

PARAMETRISATIONS = {"free": 0.02, "mixture": 0.2}  # and the learning rate of each


class StyleFitting:
    """Part of ChairsGenerator."""

    def fit_style(
        self,
        images: np.ndarray,
        azimuths: float | np.ndarray,
        elevations: float | np.ndarray,
        steps: int = 200,
        learning_rate: float | None = None,
        parametrisation: str = "mixture",
        start: int | np.ndarray | None = None,
    ) -> np.ndarray:
        """The style vector with the least training loss on `images`: float32 `[num_styles]`.

        Args:
            images: uint8 `[k, size, size, 4]`, views of one object, not transformed.
            azimuths, elevations: degrees `[k]`, as for `generate`, or one number for all images.
            steps: number of Adam steps; the learning rate decays to 0 as half a cosine.
            learning_rate: initial learning rate. None: the one in PARAMETRISATIONS.
            parametrisation: "free" or "mixture".
            start: None: the mean of all styles. With "free", also the number or vector of one style.

        Raises:
            ValueError: if an argument is out of range, or if weights or the fitted style are not finite.
        """
        images = checks.check_images(images, self.image_shape, self.levels)
        checks.check_some(images)
        zero, views = chairs_checks.check_views(0, azimuths, elevations, self.num_styles)
        if len(views) not in (1, len(images)):
            raise ValueError(
                f"azimuths and elevations must have as many rows as images, {len(images)}, or one. "
                f"Received: rows {len(views)}"
            )
        views = chairs_checks.spread(views, len(images))
        steps = checks.check_integer("steps", steps, 1)
        checks.check_choice("parametrisation", parametrisation, PARAMETRISATIONS)
        rate = PARAMETRISATIONS[parametrisation] if learning_rate is None else learning_rate
        checks.check_positive("learning_rate", rate)
        parameters = keras.Variable(self._start(start, parametrisation), dtype="float32", name="style")
        self.check_weights()
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
        cost = self._style_cost(parametrisation)
        for _ in range(steps):
            _, gradient = cost(ops.convert_to_tensor(parameters), images, views)
            optimizer.apply([gradient], [parameters])
        return checks.check_computed(_style(ops.convert_to_tensor(parameters), parametrisation))

    def _start(self, start, parametrisation):
        if start is None:
            return np.full(self.num_styles, 1.0 / self.num_styles if parametrisation == "free" else 0.0, "float32")
        if parametrisation != "free":
            raise ValueError(f"start must be None for parametrisation 'mixture'. Received: start={start!r}")
        styles = chairs_checks.check_styles(start, self.num_styles)
        if len(styles) != 1:
            raise ValueError(f"start must be one style. Received: {len(styles)} of them")
        return styles[0]

    def _style_cost(self, parametrisation):
        """Function of (parameters, images, views) -> (mean loss, its gradient with respect to the parameters)."""

        def cost(parameters, images, views):
            n = ops.shape(images)[0]
            styles = ops.broadcast_to(_style(parameters, parametrisation), (n, self.num_styles))
            theta = self._no_transformation(n) if self.transformations else None
            rgb, mask = self.draw(styles, views, theta)
            return ops.mean(self.loss_of(rgb, mask, ops.cast(images, "float32") / 255.0))

        return self._compile(f"fit_style_{parametrisation}", with_gradient(cost))


def _style(parameters, parametrisation):
    return ops.softmax(parameters) if parametrisation == "mixture" else parameters
