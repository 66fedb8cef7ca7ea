"""A table as an `Experiment`: a script in reproduce/ states it and hands it to `main`.

Only flags are read and checked here. What runs the rows (running.py) is imported once they are good, so that --help
and errors in flags do not wait for TensorFlow.
"""

import dataclasses
import sys
from collections.abc import Callable

from absl import app, flags, logging

from image_generators.data.image_data import ImageData
from image_generators.evaluation import tables
from image_generators.experiments import command
from image_generators.training import presets


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table: which rows (tables.Row), in which unit, on which data set of data/images.py.

    The functions are a script's own: `define(flag_values)` defines flags that it has beside those of command.py;
    `load(options)` gives the data where data/images.py does not have them; `prepare(data, options)` gives the data that
    its models see, `part(model, data)` those of them that one row sees; `picture(network, data, n, seed)` what a record
    shows; `measure(network, data, preset, seed)` what it tells beside its values, {what: number}; `finish(records,
    data, options)` comes after the rows, with all records of the table. `baselines` are rows without a network: model
    -> function of the data and the flags that gives fields of the record and a picture. Models `on_request` run only
    when --rows names them. Where a table is of many large networks, it `keeps_weights` of none.
    """

    table: str
    title: str
    rows: tuple[tables.Row, ...]
    metric: str
    data: str
    presets: dict  # model -> name -> Preset
    baselines: dict = dataclasses.field(default_factory=dict)
    on_request: tuple[str, ...] = ()
    keeps_weights: bool = True
    define: Callable | None = None
    load: Callable | None = None
    part: Callable | None = None
    prepare: Callable | None = None
    picture: Callable | None = None
    measure: Callable | None = None
    finish: Callable | None = None

    def preset(self, model: str, name: str) -> presets.Preset:
        """The preset `name` of `model`."""
        return presets.choose(self.presets, model, name)

    @property
    def models(self) -> list[str]:
        """Names of the models that its rows can run, in the table's order."""
        return [model for row in self.rows for model in row.models if model in {*self.presets, *self.baselines}]

    def data_of(self, model: str, data: ImageData) -> ImageData:
        """The part of `data` that the row of `model` sees."""
        return data if self.part is None else self.part(model, data)

    def row_of(self, model: str) -> tables.Row:
        """The row that `model` reproduces."""
        return next(row for row in self.rows if model in row.models)


def main(
    experiment: Experiment,
    others: dict[str, Experiment] | None = None,
    flag: str = "data",
    override: Callable[[Experiment, flags.FlagValues], int | str | None] | None = None,
) -> None:
    """A script's whole main program.

    Args:
        experiment: what it runs.
        others: {name: Experiment} where there are several for one table, that one among them.
        flag: which of them is chosen by this flag, of these names.
        override: function of the chosen experiment and the flags' values that may do something else and return what
            to exit with; where it returns None, the rows are run.
    """
    choices = others or {flag: experiment}
    choose = {flag: list(choices)} if others else {}
    libraries_own = set(flags.FLAGS)
    command.define(experiment.models, choose=choose, on_request=experiment.on_request)
    if experiment.define:
        experiment.define(flags.FLAGS)
    for name in set(flags.FLAGS) - libraries_own:  # so that --help shows them, and them alone
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])

    def run_and_exit(argv):
        experiment = choices[flags.FLAGS[flag].value if others else flag]
        if not flags.FLAGS["verbosity"].present:  # absl's own is INFO, at which libraries tell of their searches
            logging.set_verbosity(logging.WARNING)
        if len(argv) > 1:
            sys.exit(f"{experiment.table}: every argument must be a --flag. Received: {' '.join(argv[1:])}")
        status = override(experiment, flags.FLAGS) if override else None
        sys.exit(run(experiment, flags.FLAGS, sys.argv) if status is None else status)

    app.run(run_and_exit)


def run(experiment: Experiment, options: flags.FlagValues, argv: list[str]) -> int | str:
    """Runs the chosen rows, prints the table before and theirs after; returns 0, or a message for `sys.exit`.

    Args:
        experiment: Experiment.
        options: the values of the flags of command.py.
        argv: `sys.argv`, for the records.
    """
    try:
        chosen = command.check(experiment.models, options, experiment.on_request)
        for model in chosen:
            if model in experiment.presets:
                command.chosen_preset(experiment, model, options)  # raises for flags that do not fit
    except (ValueError, OSError) as error:
        return f"{experiment.table}: {error}"

    from image_generators.experiments import running

    return running.run(experiment, chosen, options, argv)
