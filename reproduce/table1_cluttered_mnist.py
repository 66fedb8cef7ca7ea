"""Table 1 of arXiv 1502.04623: classification of 100x100 cluttered translated MNIST, error on the test images.

python reproduce/table1_cluttered_mnist.py                         what results/ holds, then a quick run of each row
python reproduce/table1_cluttered_mnist.py --preset=cpu --rows=draw_classifier_8
python reproduce/table1_cluttered_mnist.py --evaluate_only         measures the committed weights again
"""

from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import draw

TITLE = "Table 1 of DRAW: A Recurrent Neural Network For Image Generation (arXiv 1502.04623): cluttered MNIST"
_TABLE_1 = "arXiv 1502.04623, Table 1"

ROWS = (
    Row("Convolutional, 2 layers", 14.35, None, _TABLE_1, ("conv_classifier",)),
    Row("RAM, 4 glimpses, 12x12, 4 scales", 9.41, None, _TABLE_1),
    Row("RAM, 8 glimpses, 12x12, 4 scales", 8.11, None, _TABLE_1),
    Row("Differentiable RAM, 4 glimpses, 12x12", 4.18, None, _TABLE_1, ("draw_classifier_4",)),
    Row("Differentiable RAM, 8 glimpses, 12x12", 3.36, None, _TABLE_1, ("draw_classifier_8",)),
)

EXPERIMENT = experiments.Experiment(
    "table1_cluttered_mnist", TITLE, ROWS, "error_percent", data="cluttered_mnist", presets=draw.CLUTTERED_MNIST
)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
