"""Equation 5 of arXiv 1606.05328 at work: Gated PixelCNN given what remains of an image, through a map m(h).

python reproduce/eq5_spatial_tasks.py --task=super_resolve         what results/ holds, then quick runs of the task
python reproduce/eq5_spatial_tasks.py --task=colourise --preset=cpu --rows=map_pixel_cnn
python reproduce/eq5_spatial_tasks.py --task=colourise --images=photo.jpg,scan.png

Tasks (data/degradations.py): colourise, super_resolve (8x8 to 32x32), inpaint, denoise, deblur, all on CIFAR-10. Beside
the PixelCNN stand the same network m under squared error, a mean for each pixel, and a guess without any learning.

A picture's row is a test image: what remains of it, the simple guess, the mean under squared error (in the picture of
all, `<data>-restored.png`), samples, the truth. With --images, the trained networks of results/ restore other files:
the middle square of each, shrunk to 32x32, loses what the task takes and is restored.

PSNR and SSIM say how near a picture is to the one truth, pixel by pixel. Where several pictures are as plausible, their
mean is nearest to all of them and looks like none; a sample that looks right, but is another one, is punished for every
detail. (Of a perfect model a sample's squared error is twice that of the mean.) So neither tells a good sample from a
blurred mean: bits/dim and the pictures do. What remains of a sample is compared with what was given, too.
"""

import pathlib

import numpy as np
from absl import flags

from image_generators.data import degradations, flag_values
from image_generators.data.sources import files
from image_generators.evaluation import networks, pictures, records, tables
from image_generators.evaluation.tables import Row
from image_generators.experiments import experiment as experiments
from image_generators.models.weights_file import Refused
from image_generators.reproduce.configs import pixelcnn as configs

TITLE = "Equation 5 of Conditional Image Generation with PixelCNN Decoders (arXiv 1606.05328): restoring images"

ROWS = (
    Row("Gated PixelCNN", None, None, "", ("gated_pixel_cnn",), also_in=("table1_cifar",)),
    Row("Squared error, m(h) alone", None, None, "", ("map_regression",)),
    Row("Gated PixelCNN, given m(h)", None, None, "", ("map_pixel_cnn",)),
)
EXAMPLES = 8  # rows of a picture
RANDOM = ("inpaint", "denoise")  # tasks that take something else each time: what remains of a sample says nothing


def restored(network, remains, samples, seed):
    """What a network makes of what remains, several times where it can: uint8 [n, times, height, width, 3]."""
    from image_generators.models.pixelcnn.map_regression import MapRegression

    if isinstance(network, MapRegression):
        return network.mean(remains)[:, None]
    return np.stack([network.sample(len(remains), remains, seed + i) for i in range(samples)], axis=1)


def shown(remains, size):
    """What remains as a picture: uint8 [n, *size, 3]; squares for pixels that were shrunk, grey for holes."""
    if remains.shape[-1] == 4:
        return np.where(remains[..., 3:] == 255, remains[..., :3], np.uint8(128))
    rows, columns = size[0] // remains.shape[1], size[1] // remains.shape[2]
    large = remains.repeat(rows, axis=1).repeat(columns, axis=2)
    return np.broadcast_to(large, (*large.shape[:-1], 3))


def side_by_side(task, truth, remains, restorations):
    """Rows of what remains, the simple guess, what was found (blocks [n, times, height, width, 3]), the truth."""
    before = [shown(remains, truth.shape[1:3]), degradations.TASKS[task].guess(remains)]
    columns = [*(images[:, None] for images in before), *restorations, truth[:, None]]
    together = np.concatenate(columns, axis=1)
    return pictures.grid(np.concatenate(together), together.shape[1], scale=2)


def similarity(name, images, truth):
    """PSNR in dB and SSIM of uint8 images [n, height, width, 3], the means over n."""
    from skimage.metrics import structural_similarity

    squared = np.mean(np.square((images.astype("float64") - truth) / 255.0), axis=(1, 2, 3))
    window = min(7, *(side - 1 + side % 2 for side in truth.shape[1:3]))
    alike = [
        structural_similarity(image, true, win_size=window, channel_axis=-1, data_range=255)
        for image, true in zip(images, truth, strict=True)
    ]
    return {
        f"PSNR of {name}, dB": float(np.mean(-10.0 * np.log10(np.maximum(squared, 1e-10)))),
        f"SSIM of {name}": float(np.mean(alike)),
    }


def define(values=flags.FLAGS):
    """Defines the flags for own images."""
    images = "image files to restore by trained weights, with commas between, instead of rows"
    flag_values.define_repeated("images", flag_values.several(flag_values.path), images, values)
    output = "with --images: the picture to write (default: <task>.png here)"
    flag_values.define("output", flag_values.path, None, output, values)


def experiment(task):
    """The table's part that is of one task."""
    simple = degradations.TASKS[task]

    def picture(network, data, n, seed=0):
        truth, remains = data.test.images[:EXAMPLES], data.test.labels[:EXAMPLES]
        return side_by_side(task, truth, remains, [restored(network, remains, max(1, n // EXAMPLES - 2), seed)])

    def measure(network, data, preset, seed=0):
        from image_generators.models.pixelcnn.map_regression import MapRegression

        n, samples = preset.measuring["restored"], preset.measuring["samples"]
        truth, remains = data.test.images[:n], data.test.labels[:n]
        restorations = restored(network, remains, samples, seed + 1)
        if isinstance(network, MapRegression):
            measured = similarity("the mean under squared error", restorations[:, 0], truth)
            measured |= similarity(simple.guess_name, simple.guess(remains), truth)
        else:
            mean = restorations.mean(axis=1).round().astype("uint8")
            measured = similarity("a sample", restorations[:, 0], truth)
            measured |= similarity(f"the mean of {samples}", mean, truth)
        if task == "inpaint":
            hidden = np.mean(remains[..., -1] == 0)
            bits = -np.mean(network.log_prob(truth, remains)) / np.log(2.0) / truth[0].size / hidden
            return {"bits a hidden sub-pixel": float(bits), **measured}
        if task not in RANDOM:
            again = simple.take(restorations[:, 0]).astype("float64")
            error = np.mean(np.square((again - remains) / 255.0))
            measured["PSNR of what remains of it, dB"] = float(-10.0 * np.log10(max(error, 1e-10)))
        return measured

    def finish(measured_records, data, options):
        truth, remains = data.test.images[:EXAMPLES], data.test.labels[:EXAMPLES]
        trained = _trained(measured_records, data.name, options.results_dir)
        picture = side_by_side(task, truth, remains, [restored(each, remains, 5, options.seed) for each in trained])
        path = pathlib.Path(options.results_dir) / "eq5_spatial_tasks" / f"{data.name}-restored.png"
        pictures.save_png(path, picture)
        print(f"All of them: {path}")

    return experiments.Experiment(
        "eq5_spatial_tasks",
        TITLE,
        ROWS,
        "bits_per_dim",
        "cifar10",
        configs.spatial(task),
        prepare=lambda data, options: degradations.task_data(data, task),
        define=define,
        picture=picture,
        measure=measure,
        finish=finish,
    )


def _trained(candidates, data, results_dir):
    """The trained networks of a task, squared error first: those of the best records on the data set so named."""
    trained = []
    for model in ("map_regression", "map_pixel_cnn"):
        mine = [record for record in candidates if record.model == model and record.data == data]
        if mine:
            trained.append(networks.restore(tables.best(mine), results_dir))
    return trained


def restore_files(task, options):
    """Restores the files of --images by the weights in results_dir; returns 0, or what went wrong."""
    output = options.output or f"{task}.png"
    try:
        flag_values.check_file("output", output, ".png")
        found = [
            record
            for record in records.read_all(options.results_dir, "eq5_spatial_tasks")
            if record.data.endswith(f"-{task}")
        ]
        trained = _trained(found, tables.best(found).data, options.results_dir) if found else []
        if not trained:
            raise Refused(f"--images needs weights: {options.results_dir} has none for {task}")
        side = trained[0].image_shape[0]
        truth = np.stack([files.read_square(path, side) for paths in options.images for path in paths])
        remains = degradations.TASKS[task].take(truth, np.random.default_rng(options.seed))
        picture = side_by_side(task, truth, remains, [restored(each, remains, 5, options.seed) for each in trained])
        print(f"Restored: {pictures.save_png(output, picture)}")
    except (Refused, ValueError, OSError) as error:
        return f"eq5_spatial_tasks: {error}"
    return 0


EXPERIMENTS = {task: experiment(task) for task in degradations.TASKS}
EXPERIMENT = EXPERIMENTS["super_resolve"]

if __name__ == "__main__":
    experiments.main(
        EXPERIMENT,
        EXPERIMENTS,
        flag="task",
        override=lambda _, options: restore_files(options.task, options) if options.images else None,
    )
