"""Table 2 of arXiv 1502.04623: binarised MNIST, nats per test image.

python reproduce/table2_binarized_mnist.py                         what results/ holds, then a quick run of each row
python reproduce/table2_binarized_mnist.py --preset=cpu --rows=draw
python reproduce/table2_binarized_mnist.py --rows=row_lstm,diagonal_bilstm    PixelRNN, which takes longer
python reproduce/table2_binarized_mnist.py --evaluate_only         measures the committed weights again

Gated PixelCNN and PixelCNN, and the rows of arXiv 1601.06759, are measured on the same images.
"""

from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import draw, pixelcnn

TITLE = "Table 2 of DRAW: A Recurrent Neural Network For Image Generation (arXiv 1502.04623): binarised MNIST"
_TABLE_2 = "arXiv 1502.04623, Table 2"
_TABLE_4 = "arXiv 1601.06759, Table 4"

ROWS = (
    Row("DBM 2hl", 84.62, None, _TABLE_2, sign="~"),
    Row("DBN 2hl", 84.55, None, _TABLE_2, sign="~"),
    Row("NADE", 88.33, None, _TABLE_2),
    Row("EoNADE 2hl (128 orderings)", 85.10, None, _TABLE_2),
    Row("EoNADE-5 2hl (128 orderings)", 84.68, None, _TABLE_2),
    Row("DLGM", 86.60, None, _TABLE_2, sign="~"),
    Row("DLGM 8 leapfrog steps", 85.51, None, _TABLE_2, sign="~"),
    Row("DARN 1hl", 84.13, None, _TABLE_2, sign="~"),
    Row("DARN 12hl", 87.72, None, _TABLE_2, sign="<="),
    Row("MADE 2hl (32 masks)", 86.64, None, _TABLE_4),
    Row("DRAW without attention", 87.40, None, _TABLE_2, ("draw_without_attention",), sign="<="),
    Row("DRAW", 80.97, None, _TABLE_2, ("draw",), sign="<="),
    Row("PixelCNN", 81.30, None, _TABLE_4, ("pixel_cnn",)),
    Row("Row LSTM", 80.54, None, _TABLE_4, ("row_lstm",)),
    Row("Diagonal BiLSTM (1 layer, h=32)", 80.75, None, _TABLE_4, ("diagonal_bilstm",)),
    Row("Diagonal BiLSTM (7 layers, h=16)", 79.20, None, _TABLE_4, ("diagonal_bilstm_7",)),
    Row("Multi-scale Row LSTM", None, None, "", ("multi_scale_row_lstm",)),
    Row("Gated PixelCNN", None, None, "", ("gated_pixel_cnn",)),
)

EXPERIMENT = experiments.Experiment(
    "table2_binarized_mnist",
    TITLE,
    ROWS,
    "nats",
    data="binarized_mnist",
    presets=draw.BINARIZED_MNIST | pixelcnn.BINARIZED_MNIST,
    on_request=("row_lstm", "diagonal_bilstm", "diagonal_bilstm_7", "multi_scale_row_lstm"),
)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
