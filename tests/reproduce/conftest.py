"""A machine without data and without a network, the script run in this process, and a data set of a few pixels."""

import contextlib
import functools
import io
import os
import pathlib
import types

import numpy as np
import pytest
from absl import flags

from image_generators.data.image_data import ImageData, Split

CHECKOUT = pathlib.Path(__file__).parents[2]
# Nobody listens on the proxy's port: every download is refused at once, and no name is looked up.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
NO_NETWORK |= {"no_proxy": "", "NO_PROXY": ""}


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
