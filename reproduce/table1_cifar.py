"""Table 1 of arXiv 1606.05328: CIFAR-10, bits/dim on the test images.

python reproduce/table1_cifar.py                                   what results/ holds, then a quick run of each row
python reproduce/table1_cifar.py --preset=cpu --rows=pixel_cnn,gated_pixel_cnn
python reproduce/table1_cifar.py --rows=row_lstm,diagonal_bilstm    PixelRNN, which takes longer
python reproduce/table1_cifar.py --evaluate_only                   measures the committed weights again
"""

from image_generators.evaluation.tables import Row
from image_generators.experiments import density_rows
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import draw, pixelcnn

TITLE = "Table 1 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): CIFAR-10"
_TABLE_1 = "arXiv 1606.05328, Table 1"

ROWS = (
    Row("Uniform", 8.00, None, _TABLE_1, ("uniform",)),
    Row("Multivariate Gaussian", 4.70, None, _TABLE_1, ("multivariate_gaussian",)),
    Row("NICE", 4.48, None, _TABLE_1),
    Row("Deep Diffusion", 4.20, None, _TABLE_1),
    Row("DRAW", 4.13, None, _TABLE_1, ("draw",), ours_is_bound=True),
    Row("Deep GMMs", 4.00, None, _TABLE_1),
    Row("Conv DRAW", 3.58, 3.57, _TABLE_1),
    Row("RIDE", 3.47, None, _TABLE_1),
    Row("PixelCNN", 3.14, 3.08, _TABLE_1, ("pixel_cnn",)),
    Row("PixelRNN, Row LSTM", 3.07, 3.00, "arXiv 1601.06759, Table 5", ("row_lstm",)),
    Row("PixelRNN, Diagonal BiLSTM", 3.00, 2.93, _TABLE_1, ("diagonal_bilstm",)),
    Row("PixelRNN, multi-scale Row LSTM", None, None, "", ("multi_scale_row_lstm",)),
    Row("Gated PixelCNN", 3.03, 2.90, _TABLE_1, ("gated_pixel_cnn",)),
)

TABLE = "table1_cifar"
EXPERIMENT = experiments.Experiment(
    TABLE,
    TITLE,
    ROWS,
    "bits_per_dim",
    data="cifar10",
    presets=draw.CIFAR | pixelcnn.CIFAR,
    baselines=density_rows.rows(TABLE),
    on_request=("row_lstm", "diagonal_bilstm", "multi_scale_row_lstm"),
)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
