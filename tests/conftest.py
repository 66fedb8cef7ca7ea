"""Gradients on the active backend; TensorFlow and XLA without their optimisers; and a garbage collector that rests.

Hundreds of graphs are made here and each is run a few times: to optimise one takes longer than it saves. So it does to
write down, for each operation of a graph, all lines of Python that it was made by: a sixth of the time, a third of the
memory. So an error inside a graph names its operation here, and not the line.
"""

import contextlib
import dataclasses
import functools
import gc
import io
import os
import pathlib
import tarfile
import tempfile
import types

# Before anything imports TensorFlow or JAX; processes that a test starts have it too.
# Without fusion emitters XLA compiles in half the time.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false",
)
# What one JAX process has compiled, the others of this run of tests find; a script that goes on compiles the same.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    JAX_CACHE = tempfile.TemporaryDirectory(prefix="jax_cache_")  # till this process ends, the first of them all
    os.environ["JAX_COMPILATION_CACHE_DIR"] = JAX_CACHE.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import keras
import numpy as np
import pytest
from absl import flags
from hypothesis import settings

import image_generators
from image_generators.data.image_data import ImageData, Split

if keras.backend.backend() == "tensorflow":
    # Scripts that a test starts as a user does have this one.
    import tensorflow as tf
    from tensorflow.python.util import tf_stack

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    NOWHERE = tf_stack.extract_stack()
    tf_stack.extract_stack = lambda stacklevel=1: NOWHERE

settings.register_profile("default", deadline=None)  # a busy machine is no failure
settings.load_profile("default")

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
# Nobody listens on the proxy's port: every download is refused at once, and no name is looked up.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
NO_NETWORK |= {"no_proxy": "", "NO_PROXY": ""}
if pathlib.Path(image_generators.__file__).resolve().parents[1] != CHECKOUT:
    raise pytest.UsageError(
        f"the tests of {CHECKOUT} need image_generators installed from there. Received: "
        f"{pathlib.Path(image_generators.__file__).resolve().parents[1]}. Run: pip install -e {CHECKOUT}"
    )


def pytest_collection_finish():
    """What was imported stays: the collector need not look at its million objects after every few graphs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def assert_same_pictures():
    """Of uint8 pictures, within one of 255: at another place of a batch, or in another, sums go another way round."""

    def assert_same(found, expected):
        np.testing.assert_allclose(np.asarray(found, int), np.asarray(expected, int), rtol=0, atol=1)

    return assert_same


@pytest.fixture(scope="session")
def gradient():
    """`gradient(f, *arrays)`: the derivatives of a scalar function, as NumPy arrays."""
    if keras.backend.backend() == "jax":
        import jax

        return lambda f, *arrays: [np.asarray(g) for g in jax.grad(f, argnums=tuple(range(len(arrays))))(*arrays)]
    import tensorflow as tf

    def gradient(f, *arrays):
        tensors = [tf.convert_to_tensor(array) for array in arrays]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = f(*tensors)
        return [g.numpy() for g in tape.gradient(value, tensors, unconnected_gradients="zero")]

    return gradient


@pytest.fixture(scope="session")
def small_imagenet(tmp_path_factory):
    """ImageNet at small sizes becomes a data set of 23 and 7 images, of which 5 are held out, as TFDS prepares them.

    Attributes: `examples`, {split: how many}; `folder`, a data directory that has downsampled_imagenet/32x32; `images`,
    {split: what is in it}; `prepare(name, folder, archives)`: TFDS's builder, as after a download of `archives`.
    """
    import tensorflow_datasets as tfds
    from PIL import Image

    from image_generators.data.sources import streamed

    examples, folder = {"train": 23, "validation": 7}, tmp_path_factory.mktemp("imagenet")
    random, images, archives = np.random.default_rng(0), {}, []

    def prepare(name, folder, archives):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tfds.download.DownloadManager, "download", lambda *_: archives)
            builder = tfds.builder(f"{name}:{streamed.STREAMED[name].version}", data_dir=str(folder))
            config = tfds.download.DownloadConfig(num_shards=3)
            builder.download_and_prepare(download_config=config, file_format="tfrecord")

    for split, n in examples.items():
        images[split] = random.integers(0, 256, (n, 32, 32, 3)).astype("uint8")
        archives.append(str(folder / f"{split}.tar"))
        with tarfile.open(archives[-1], "w") as archive:
            for i, image in enumerate(images[split]):
                content = io.BytesIO()
                Image.fromarray(image).save(content, "png")
                entry = tarfile.TarInfo(f"{split}/{i}.png")
                entry.size = content.tell()
                content.seek(0)
                archive.addfile(entry, content)
    prepare("downsampled_imagenet/32x32", folder, archives)
    with pytest.MonkeyPatch.context() as patch:
        for name, entry in streamed.STREAMED.items():
            patch.setitem(streamed.STREAMED, name, dataclasses.replace(entry, examples=examples, held_out=5))
        yield types.SimpleNamespace(examples=examples, folder=folder, images=images, prepare=prepare)


@pytest.fixture(scope="session")
def bare_machine(tmp_path_factory):
    """Environment of a subprocess that runs this checkout's code and finds neither data nor a network."""
    empty = str(tmp_path_factory.mktemp("no_data"))
    return {**os.environ, **NO_NETWORK, "TFDS_DATA_DIR": empty, "PYTHONPATH": str(CHECKOUT)}


@pytest.fixture(scope="session")
def run_table(bare_machine):
    """`run_table(experiment, folder, *flags)` runs a table's script in this process, without data and network.

    `script` is a function of flags and argv that a script has in the place of `rows.run`. Returns what that returns (0,
    or the message to exit with) as `result`, and what was printed as `output`.
    """
    from image_generators.experiments import command
    from image_generators.experiments import experiment as rows

    def run(experiment, folder, *given, script=None):
        given = [f"--results_dir={folder / 'results'}", f"--runs_dir={folder / 'runs'}", *given]
        options = flags.FlagValues()
        command.define(experiment.models, options)
        if experiment.define:
            experiment.define(options)
        argv = [str(CHECKOUT / "reproduce" / f"{experiment.table}.py"), *given]
        options(argv)
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
            for name in (*NO_NETWORK, "TFDS_DATA_DIR"):
                patch.setenv(name, bare_machine[name])
            result = script(options, argv) if script else rows.run(experiment, options, argv)
        return types.SimpleNamespace(result=result, output=output.getvalue())

    return run


@pytest.fixture(scope="session")
def table1(run_table):
    """`table1(folder, *flags)`: the script of Table 1 of PixelCNN."""
    from image_generators.reproduce import table1_cifar

    return functools.partial(run_table, table1_cifar.EXPERIMENT)


@pytest.fixture(scope="session")
def tiny():
    """Eighty grey images of 4x4 pixels and four levels, in stripes: the first column tells the rest."""
    stripes = np.random.default_rng(0).integers(0, 4, (80, 4, 1, 1))
    images = np.broadcast_to(stripes, (80, 4, 4, 1)).astype("uint8")
    places = {"train": slice(64), "validation": slice(64, 72), "test": slice(72, 80)}
    splits = {name: Split(images[place], None) for name, place in places.items()}
    return ImageData(
        name="tiny", title="stripes", **splits, class_names=(), levels=4, is_fallback=True, source="made up"
    )
