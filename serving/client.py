"""A client of the served models, over gRPC or REST.

  python serving/client.py sample --out=samples.png                          sixteen images, over gRPC
  python serving/client.py sample --server=http://localhost:8501 --seed=7    over REST
  python serving/client.py complete --images=a.png,b.png --rows=16 --out=completed.png
  python serving/client.py elbo --model=draw-binarized_mnist --images=digits.npy --out=elbo.npz
  python serving/client.py signatures                                        what the model answers

    client = Client("localhost:8500", model="gated_pixel_cnn-cifar10")
    images = client.sample(16, seed=0)  # uint8 [16, 32, 32, 3]
    client.log_prob(images)["bits_per_dim"]  # float32 [16]
    client.ask("complete", images=images, rows=16, temperature=0.9)["images"]

REST needs NumPy alone, gRPC tensorflow-serving-api too, pictures Pillow.
"""

import io
import math
import pathlib
import time

import numpy as np
from absl import app, logging
from absl.flags import argparse_flags

from image_generators.data import durable, flag_values
from image_generators.serving.transports import Again, ServingError, reading_answer, transport

GRPC_SERVER = "localhost:8500"
MODEL = "gated_pixel_cnn-cifar10"
ROWS = 64  # images in one request; more are asked for in several
MOST_IMAGES = 100_000  # in one call: what memory holds
LONGEST = 86_400.0  # seconds that a request may take
# A server that joins requests refuses a whole batch for one bad row, and one whose queue is full refuses at once: what
# this client has found good is asked again.
ATTEMPTS, PAUSE_SECONDS = 3, 0.2


class Client:
    """Asks one model.

    Args:
        server: "host:port" for gRPC, "http://host:port" for REST.
        model: what it is served as.
        version: integer; None: the server's choice, the latest.
        timeout: seconds for one request, from its first attempt to the last byte of its answer.

    Raises (all methods):
        ServingError: the server is not there, is late, does not know the model, or refuses.
        ValueError: the arguments are none that the model takes.
    """

    def __init__(self, server=GRPC_SERVER, model=MODEL, version=None, timeout=120.0):
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= LONGEST:
            raise ValueError(
                f"timeout must be a number of seconds above 0, at most {LONGEST:g}. Received: timeout={timeout!r}"
            )
        self.server, self.model, self._timeout = server, model, timeout
        version = None if version is None else _check_integer("version", version, 1, 2**63 - 1)
        self._transport = transport(server, model, version, timeout)
        self._signatures = None

    def signatures(self):
        """{name: {"inputs": {name: (dtype, shape)}, "outputs": ...}}, as the server tells; the first axis is None."""
        if self._signatures is None:
            signatures = self._transport.signatures()
            with reading_answer(self.server):
                for name, fields in signatures.items():
                    _check_shapes(name, fields["inputs"] | fields["outputs"])
            self._signatures = signatures
        return self._signatures

    def sample(self, n=16, seed=0, **options):
        """Draws images, uint8 [n, height, width, colours]; the same seed gives the same ones. `options`: see `ask`."""
        return self.ask("sample", n=n, seed=seed, **options)["images"]

    def complete(self, images, known_mask=None, rows=None, seed=0, **options):
        """Keeps the known pixels of `images`, by a mask or so many upper rows, and draws the others."""
        given = {} if known_mask is None else {"known_mask": known_mask}
        return self.ask("complete", images=images, rows=rows, seed=seed, **given, **options)["images"]

    def log_prob(self, images, **options):
        """{"log_prob_nats", "bits_per_dim"} of uint8 images [n, height, width, colours]."""
        return self.ask("log_prob", images=images, **options)

    def ask(self, signature, n=None, seed=0, rows=None, **inputs):
        """Any signature, with what it takes said in a person's terms.

        Args:
            signature: its name.
            n: how many images, where no input says so; at most MOST_IMAGES.
            seed: an integer of at least 0, from which each image gets a seed of its own.
            rows: instead of `known_mask`: how many upper rows are known.
            inputs: the others by name, one row for each image, or one for all. If not given, `temperature` is 1 and
                `transformation` none.

        Returns: {output name: array [n, ...]}.
        """
        takes = self._inputs(signature)
        if rows is not None:
            inputs = _with_known_rows(signature, takes, inputs, rows)
        if "temperature" in takes:
            inputs.setdefault("temperature", 1.0)
        if "transformation" in takes:
            inputs.setdefault("transformation", np.zeros(takes["transformation"][1][1:], "float32"))
        unknown = inputs.keys() - takes.keys()
        if unknown:
            raise ValueError(f"{signature} takes {', '.join(sorted(takes))}. Received: {', '.join(sorted(inputs))}")
        inputs = {name: _array_of(name, value) for name, value in inputs.items()}
        n = _number_of_images(n, [len(a) for name, a in inputs.items() if a.ndim == len(takes[name][1])])
        for name, array in inputs.items():
            if array.ndim == len(takes[name][1]) - 1:
                inputs[name] = np.broadcast_to(array, (n, *array.shape))
        if "seed" in takes:
            inputs["seed"] = seeds_of(seed, n)
        return self.predict(signature, **inputs)

    def predict(self, signature, **inputs):
        """{output name: array} of all inputs of a signature as it takes them, one row an image."""
        takes = self._inputs(signature)
        if inputs.keys() != takes.keys():
            raise ValueError(f"{signature} takes {', '.join(sorted(takes))}. Received: {', '.join(sorted(inputs))}")
        inputs = {name: _finite(name, _as_field(name, value, *takes[name])) for name, value in inputs.items()}
        counts = {name: len(array) for name, array in inputs.items()}
        if len(set(counts.values())) > 1 or 0 in counts.values():
            raise ValueError(f"inputs must have one row an image, and at least one. Received: rows {counts}")
        starts = range(0, len(next(iter(inputs.values()))), ROWS)
        parts = [self._answer(signature, {name: a[i : i + ROWS] for name, a in inputs.items()}) for i in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _inputs(self, signature):
        if signature not in self.signatures():
            known = ", ".join(sorted(self.signatures()))
            raise ValueError(f"signature must be one of {self.model}'s: {known}. Received: {signature!r}")
        return self.signatures()[signature]["inputs"]

    def _answer(self, signature, inputs):
        """{output name: array} of one request: what the signature says, a row for each of the inputs'."""
        rows = len(next(iter(inputs.values())))
        answer = self._ask(signature, inputs)
        with reading_answer(self.server):
            fields = self.signatures()[signature]["outputs"]
            return {name: _as_field(name, answer[name], dtype, [rows, *s[1:]]) for name, (dtype, s) in fields.items()}

    def _ask(self, signature, inputs):
        end = time.monotonic() + self._timeout
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._transport.predict(signature, inputs, end - time.monotonic())
            except Again:
                pause = PAUSE_SECONDS * attempt
                if attempt == ATTEMPTS or time.monotonic() + pause >= end:
                    raise
                time.sleep(pause)


def _check_shapes(signature, fields):
    """Raises ValueError unless every input and output has a row for each image, and rows of a known shape."""
    for name, (_, shape) in fields.items():
        if shape[:1] != [None] or not all(_is_integer(size) for size in shape[1:]):
            raise ValueError(f"{name} of {signature} must have shape [n, ...]. Received: {shape}")


def _with_known_rows(signature, takes, inputs, rows):
    """The inputs, with the mask of so many upper rows among them."""
    if "known_mask" not in takes:
        raise ValueError(f"{signature} takes {', '.join(sorted(takes))}. Received: rows={rows!r}")
    if "known_mask" in inputs:
        raise ValueError(f"give known_mask or rows, not both. Received: rows={rows!r}")
    height, width = takes["known_mask"][1][1:]
    if not _is_integer(rows) or not 0 <= rows <= height:
        raise ValueError(f"rows must be an integer from 0 to {height}. Received: rows={rows!r}")
    return inputs | {"known_mask": np.arange(height)[:, None] < np.full((1, width), rows)}


def _number_of_images(n, counts):
    if n is None and not counts:
        raise ValueError("n must be given where no input has a row for each image. Received: n=None")
    return _check_integer("n", counts[0] if n is None else n, 1, MOST_IMAGES)


def _is_integer(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check_integer(name, value, low, high=None):
    """`value`, if it is an integer of at least `low`, and at most `high`; else ValueError."""
    if not _is_integer(value) or value < low or (high is not None and value > high):
        accepted = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be an integer, {accepted}. Received: {name}={value!r}")
    return value


def seeds_of(seed, n):
    """A seed for each image: int64 [n], 0 to 2 ** 53, which JSON keeps. The seeds of n images begin those of more."""
    n, seed = _check_integer("n", n, 1, MOST_IMAGES), _check_integer("seed", seed, 0)
    return np.random.default_rng(seed).integers(0, 2**53, n)


def _array_of(name, value):
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array. Received: {name} of rows that differ in shape") from error


def _as_field(name, value, dtype, shape):
    """`value` as an array of a signature's dtype and shape; ValueError where that would change what it says."""
    array = _array_of(name, value)
    good = array.dtype.name == dtype or (dtype == "float32" and array.dtype.kind in "iuf")
    if dtype in ("uint8", "int64") and array.dtype.kind in "iu":
        limits = np.iinfo(dtype)
        good = not array.size or (array.min() >= limits.min and array.max() <= limits.max)
    if not good:
        raise ValueError(f"{name} must be {dtype}. Received: {name} of dtype {array.dtype}")
    if array.ndim != len(shape) or any(size not in (None, n) for size, n in zip(shape, array.shape, strict=True)):
        expected = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must have shape [{expected}]. Received: {name} of shape {list(array.shape)}")
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def _finite(name, array):
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite. Received: {np.sum(~np.isfinite(array))} numbers that are not")
    return array


# The script.


FLAGS = {  # name: what it may hold, default, help
    "server": (flag_values.text, GRPC_SERVER, "host:port for gRPC, http://host:port for REST"),
    "model": (flag_values.text, MODEL, "what the model is served as"),
    "version": (flag_values.integer(1, 2**63 - 1), None, "default: the latest"),
    "timeout": (flag_values.number(above=0, high=LONGEST), 120.0, "seconds for a request"),
    "n": (flag_values.integer(1, MOST_IMAGES), None, "how many images (default: 16, or those of --images)"),
    "seed": (flag_values.SEED, 0, "of the images' noise"),
    "temperature": (flag_values.number(above=0), None, "1 samples the model; less sharpens"),
    "label": (flag_values.integer(0), None, "of a model with classes"),
    "style": (flag_values.integer(0), None, "of a generator of chairs: the design, and from where it is seen:"),
    "azimuth": (flag_values.number(), None, "degrees"),
    "elevation": (flag_values.number(-90, 90), None, "degrees"),
    "images": (
        flag_values.several(flag_values.path),
        None,
        "a .npy file, uint8 [n, height, width, colours], or pictures with commas between",
    ),
    "known_mask": (flag_values.path, None, ".npy, bool [height, width] or [n, height, width]"),
    "rows": (flag_values.integer(0), None, "instead of --known_mask: how many upper rows are known"),
    "condition": (flag_values.path, None, ".npy, of a model with such a condition"),
    "out": (flag_values.path, None, ".png for images, else .npz; default: print what is small"),
}


def parse(argv):
    """The arguments in `argv`."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("signature", help="sample, complete, log_prob, elbo, ..., or: signatures")
    for name, (convert, default, what) in FLAGS.items():
        parser.add_argument(f"--{name}", type=convert, default=default, help=what)
    return parser.parse_args(argv[1:])


def run(options):
    """Asks once; returns 0, or a message for `sys.exit`."""
    logging.set_verbosity(logging.WARNING)
    try:
        if options.out is not None:
            flag_values.check_file("out", options.out, ".png", ".npz")
        client = Client(options.server, options.model, options.version, options.timeout)
        if options.signature == "signatures":
            if options.out is not None:
                raise ValueError(
                    f"--out must not be given for signatures, which are printed. Received: {options.out!r}"
                )
            for name, fields in sorted(client.signatures().items()):
                print(name, *(f"\n  {side}: {fields[side]}" for side in fields))
            return 0
        inputs = {name: getattr(options, name) for name in ("temperature", "label", "style", "azimuth", "elevation")}
        inputs |= {name: _numbers(name, getattr(options, name)) for name in ("known_mask", "condition")}
        inputs["images"] = _images(options.images, client, options.signature)
        inputs = {name: value for name, value in inputs.items() if value is not None}
        outputs = client.signatures().get(options.signature, {}).get("outputs", {})
        if _is_picture(options.out) and outputs and not _are_pictures(*outputs.get("images", ("", []))):
            raise ValueError(f"--out must be .npz: the answer is {', '.join(outputs)}. Received: {options.out!r}")
        n = 16 if options.n is None and "images" not in inputs else options.n
        _keep(client.ask(options.signature, n=n, seed=options.seed, rows=options.rows, **inputs), options.out)
    except (ServingError, ValueError, OSError, ImportError) as error:
        return f"client: {error}"
    return 0


def _numbers(flag, path):
    """The array of a .npy file; None for no path."""
    if path is None:
        return None
    try:
        # Mapped, the size that the header promises is compared with the file before memory is taken for it.
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # of any kind, for a file that is damaged, of another format, or of pickled objects
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "which is none, or damaged"
        raise ValueError(f"--{flag} must be a .npy file of numbers. Received: {path!r}, {reason}") from error


def _images(paths, client, signature):
    """uint8 [n, height, width, colours] of a .npy file, or of pictures of the size that the signature takes."""
    if paths is None:
        return None
    if len(paths) == 1 and pathlib.Path(paths[0]).suffix.lower() == ".npy":
        return _numbers("images", paths[0])
    from image_generators.data.sources.files import read_image

    pictures = [read_image(path) for path in paths]
    sizes = sorted({picture.size[::-1] for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(f"--images must be pictures of one size. Received: {sizes}, height and width")
    _, shape = client.signatures().get(signature, {}).get("inputs", {}).get("images", ("uint8", [None]))
    if shape[-1] == 1:
        return np.stack([np.asarray(picture.convert("L"))[..., None] for picture in pictures])
    return np.stack([np.asarray(picture) for picture in pictures])


def _is_picture(out):
    return out is not None and pathlib.Path(out).suffix.lower() == ".png"


def _are_pictures(dtype, shape):
    return dtype == "uint8" and len(shape) == 4 and shape[-1] in (1, 3)


def _keep(answer, out):
    if out is None:
        for name, array in answer.items():
            print(name, array.tolist() if array.size <= 256 else f"{array.dtype} {list(array.shape)}: give --out")
        return
    content = io.BytesIO()
    if _is_picture(out):
        _grid(answer["images"]).save(content, "PNG")
    else:
        np.savez(content, **answer)
    durable.write(out, content.getvalue())


def _grid(images):
    """Images side by side, as square as they come; binary ones in black and white."""
    from PIL import Image

    n, height, width, colours = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * columns, height, width, colours), "uint8")
    sheet[:n] = images * (255 if images.max(initial=0) <= 1 else 1)
    sheet = sheet.reshape(rows, columns, height, width, colours).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * height, columns * width, colours)
    return Image.fromarray(sheet[..., 0] if colours == 1 else sheet)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
