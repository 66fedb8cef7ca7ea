"""Figure 9 of arXiv 1502.04623: house numbers (SVHN, 54x54), nats of cross-entropy.

python reproduce/fig9_svhn.py                     what results/ holds, then a quick run
python reproduce/fig9_svhn.py --preset=cpu
python reproduce/fig9_svhn.py --evaluate_only     measures the committed weights again

The paper shows samples, and a curve of the cost. Colour values are taken as probabilities: the cost is no compression
cost.
"""

from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.reproduce.configs import draw

TITLE = "Figure 9 of DRAW: A Recurrent Neural Network For Image Generation (arXiv 1502.04623): SVHN"

# No number to put beside ours: 5080 is read off a curve.
ROWS = (Row("DRAW", None, None, "arXiv 1502.04623: its curve of the cost on SVHN ends near 5080 nats", ("draw",)),)

EXPERIMENT = experiments.Experiment("fig9_svhn", TITLE, ROWS, "cross_entropy_nats", data="svhn", presets=draw.SVHN)

if __name__ == "__main__":
    experiments.main(EXPERIMENT)
