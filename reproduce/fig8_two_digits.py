"""Figure 8 of arXiv 1502.04623: two MNIST digits in 60x60, nats of cross-entropy.

python reproduce/fig8_two_digits.py                     what results/ holds, then a quick run
python reproduce/fig8_two_digits.py --preset=cpu
python reproduce/fig8_two_digits.py --evaluate_only     measures the committed weights again

The paper shows samples and gives no number. Grey values are taken as probabilities: the cost is no compression cost.
"""

from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import draw

TITLE = "Figure 8 of DRAW: A Recurrent Neural Network For Image Generation (arXiv 1502.04623): two MNIST digits"

ROWS = (Row("DRAW", None, None, "", ("draw",)),)

EXPERIMENT = experiments.Experiment(
    "fig8_two_digits", TITLE, ROWS, "cross_entropy_nats", data="two_digit_mnist", presets=draw.TWO_DIGITS
)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
