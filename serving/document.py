"""Draws the tables of signatures in serving/README.md from signatures.py.

python serving/document.py            redraws the text between <!-- signatures:begin --> and <!-- signatures:end -->
python serving/document.py --check    changes nothing; exits with 1 if the tables are out of date
"""

import argparse
import pathlib
import sys

from image_generators.data import durable
from image_generators.serving.signatures import KINDS, NOT_SERVED

README = pathlib.Path(__file__).with_name("README.md")
BEGIN, END = "<!-- signatures:begin -->\n", "<!-- signatures:end -->\n"


def tables() -> str:
    """Markdown: a table of signatures for each kind of model, then the models that are not served and the reason."""
    parts = []
    for base, kind in KINDS.items():
        rows = ["| signature | | name | dtype | shape | what |", "| --- | --- | --- | --- | --- | --- |"]
        for signature in kind.signatures:
            rows.append(f"| **`{signature.name}`** | | | | | {signature.meaning} |")
            for side, fields in (("in", signature.inputs), ("out", signature.outputs)):
                rows += [f"| | {side} | `{f.name}` | {f.dtype} | {_shape(f)} | {_meaning(f)} |" for f in fields]
        parts.append("\n".join([f"### {kind.title} (`{base.__name__}`)\n", *rows]))
    absent = [f"`{model.__name__}`: {reason}." for model, reason in NOT_SERVED.items()]
    return "\n\n".join([*parts, "Not served: " + " ".join(absent)]) + "\n"


def _shape(field):
    names = [f"*{size}" if size == "condition_shape" else str(size) for size in field.shape]
    return f"`[{', '.join(['n', *names])}]`"


def _meaning(field):
    conditions = [f"only with `{field.where}`"] * bool(field.where) + [f"without `{field.unless}`"] * bool(field.unless)
    return "; ".join([field.meaning, ", ".join(conditions)] if conditions else [field.meaning])


def redrawn(text: str) -> str:
    """`text` with current tables.

    Raises:
        ValueError: the lines that enclose the tables are missing.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"{README.name} must have lines {BEGIN.strip()} and {END.strip()}")
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + tables() + END + rest.partition(END)[2]


def main(argv: list[str]) -> int | str:
    """Redraws or checks the tables; returns 0, or a message for `sys.exit`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if out of date")
    options = parser.parse_args(argv)
    text = README.read_text(encoding="utf-8")
    if redrawn(text) == text:
        return 0
    if options.check:
        return f"{README.name} is out of date: run python serving/document.py"
    durable.write(README, redrawn(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
