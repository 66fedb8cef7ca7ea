"""A client of the served models, over gRPC or REST.

  python serving/client.py sample --out=samples.png                          draws sixteen images, over gRPC
  python serving/client.py sample --server=http://localhost:8501 --seed=7    over REST
  python serving/client.py complete --images=a.png,b.png --rows=16 --out=completed.png
  python serving/client.py elbo --model=draw-binarized_mnist --images=digits.npy --out=elbo.npz
  python serving/client.py signatures                                        prints the model's signatures

    client = Client("localhost:8500", model="gated_pixel_cnn-cifar10")
    images = client.sample(16, seed=0)  # uint8 [16, 32, 32, 3]
    client.log_prob(images)["bits_per_dim"]  # float32 [16]
    client.ask("complete", images=images, rows=16, temperature=0.9)["images"]

REST needs only NumPy; gRPC also needs tensorflow-serving-api, and image files need Pillow.
"""

import argparse
import pathlib
import time

import numpy as np
from absl import app, logging
from absl.flags import argparse_flags
from numpy.typing import ArrayLike

from image_generators.data import durable, flag_values
from image_generators.layers.checks import check_integer, is_integer
from image_generators.serving.transports import Retryable, ServingError, reading_answer, transport

GRPC_SERVER = "localhost:8500"
MODEL = "gated_pixel_cnn-cifar10"
IMAGES_PER_REQUEST = 64  # more images are sent in several requests
MAX_IMAGES = 100_000  # per call; bounds the memory
MAX_TIMEOUT = 86_400.0  # seconds
# A server that joins requests refuses the whole batch if one request in it is invalid, and refuses at once when its
# queue is full. This client checks a request before sending it, so a refused request is worth repeating.
ATTEMPTS, PAUSE_SECONDS = 3, 0.2


class Client:
    """Sends requests to one served model.

    Args:
        server: "host:port" for gRPC, or "http://host:port" for REST.
        model: name under which the model is served.
        version: integer, or None for the latest.
        timeout: seconds for one request, from the first attempt to the last byte of the answer.

    Raises (all methods):
        ServingError: the server cannot be reached, does not answer in time, does not have the model, or refuses.
        ValueError: an argument does not fit the model's signatures.

    Example:

    ```python
    client = Client("localhost:8500", model="gated_pixel_cnn-cifar10")
    images = client.sample(16, seed=0)  # uint8 [16, 32, 32, 3]
    ```
    """

    def __init__(
        self, server: str = GRPC_SERVER, model: str = MODEL, version: int | None = None, timeout: float = 120.0
    ):
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= MAX_TIMEOUT:
            raise ValueError(
                f"timeout must be a number of seconds above 0, at most {MAX_TIMEOUT:g}. Received: timeout={timeout!r}"
            )
        self.server, self.model, self._timeout = server, model, timeout
        version = None if version is None else check_integer("version", version, 1, 2**63 - 1)
        self._transport = transport(server, model, version, timeout)
        self._signatures = None

    def signatures(self) -> dict[str, dict[str, dict[str, tuple[str, list[int | None]]]]]:
        """The signatures of the model, as the server reports them.

        Returns:
            {signature: {"inputs": {name: (dtype, shape)}, "outputs": {name: (dtype, shape)}}}. The first entry of each
            shape is None: the number of images.
        """
        if self._signatures is None:
            signatures = self._transport.signatures()
            with reading_answer(self.server):
                for name, fields in signatures.items():
                    _check_shapes(name, fields["inputs"] | fields["outputs"])
            self._signatures = signatures
        return self._signatures

    def sample(self, n: int = 16, seed: int = 0, **inputs: ArrayLike) -> np.ndarray:
        """Draws images.

        Args:
            n: number of images.
            seed: integer of at least 0; the same seed gives the same images.
            **inputs: `temperature`, `label` or `condition`, as for `ask`.

        Returns:
            uint8 `[n, height, width, channels]`.
        """
        return self.ask("sample", n=n, seed=seed, **inputs)["images"]

    def complete(
        self,
        images: ArrayLike,
        known_mask: ArrayLike | None = None,
        rows: int | None = None,
        seed: int = 0,
        **inputs: ArrayLike,
    ) -> np.ndarray:
        """Keeps the known pixels of `images` and draws the others.

        Args:
            images: uint8 `[n, height, width, channels]`.
            known_mask: bool `[height, width]` or `[n, height, width]`, True for the pixels to keep.
            rows: keeps this number of upper rows; give it or `known_mask`.
            seed, **inputs: as for `sample`.

        Returns:
            uint8 `[n, height, width, channels]`.
        """
        if known_mask is not None:
            inputs["known_mask"] = known_mask
        return self.ask("complete", images=images, rows=rows, seed=seed, **inputs)["images"]

    def log_prob(self, images: ArrayLike, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Computes the log-likelihood of `images`, uint8 `[n, height, width, channels]`.

        Returns:
            {"log_prob_nats": float32 `[n]`, "bits_per_dim": float32 `[n]`}.
        """
        return self.ask("log_prob", images=images, **inputs)

    def ask(
        self, signature: str, n: int | None = None, seed: int = 0, rows: int | None = None, **inputs: ArrayLike
    ) -> dict[str, np.ndarray]:
        """Calls a signature, filling in seeds, defaults and the first axis of its inputs.

        Args:
            signature: its name.
            n: number of images, at most MAX_IMAGES; needed if no input has a first axis of images.
            seed: integer of at least 0, from which every image gets its own seed.
            rows: in place of `known_mask`, the number of upper rows that are known.
            **inputs: the other inputs by name, with or without a first axis of images. `temperature` defaults to 1,
                `transformation` to zeros.

        Returns:
            {output: array `[n, ...]`}.
        """
        fields = self._inputs(signature)
        if rows is not None:
            inputs = _with_known_rows(signature, fields, inputs, rows)
        if "temperature" in fields:
            inputs.setdefault("temperature", 1.0)
        if "transformation" in fields:
            inputs.setdefault("transformation", np.zeros(fields["transformation"][1][1:], "float32"))
        unknown = inputs.keys() - fields.keys()
        if unknown:
            raise ValueError(f"{signature} takes {', '.join(sorted(fields))}. Received: {', '.join(sorted(inputs))}")
        inputs = {name: _array_of(name, value) for name, value in inputs.items()}
        n = _number_of_images(n, [len(a) for name, a in inputs.items() if a.ndim == len(fields[name][1])])
        for name, array in inputs.items():
            if array.ndim == len(fields[name][1]) - 1:
                inputs[name] = np.broadcast_to(array, (n, *array.shape))
        if "seed" in fields:
            inputs["seed"] = seeds_of(seed, n)
        return self.predict(signature, **inputs)

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Calls a signature with all of its inputs, each of shape `[n, ...]`; returns {output: array `[n, ...]`}."""
        fields = self._inputs(signature)
        if inputs.keys() != fields.keys():
            raise ValueError(f"{signature} takes {', '.join(sorted(fields))}. Received: {', '.join(sorted(inputs))}")
        inputs = {name: _finite(name, _cast(name, value, *fields[name])) for name, value in inputs.items()}
        counts = {name: len(array) for name, array in inputs.items()}
        if len(set(counts.values())) > 1 or 0 in counts.values():
            raise ValueError(f"inputs must have one entry per image, and at least one. Received: {counts}")
        size = IMAGES_PER_REQUEST
        starts = range(0, len(next(iter(inputs.values()))), size)
        parts = [self._answer(signature, {name: a[i : i + size] for name, a in inputs.items()}) for i in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _inputs(self, signature):
        if signature not in self.signatures():
            known = ", ".join(sorted(self.signatures()))
            raise ValueError(f"signature must be one of {self.model}'s: {known}. Received: {signature!r}")
        return self.signatures()[signature]["inputs"]

    def _answer(self, signature, inputs):
        """{output: array} of one request, checked against the signature and the number of images."""
        n = len(next(iter(inputs.values())))
        answer = self._ask(signature, inputs)
        with reading_answer(self.server):
            fields = self.signatures()[signature]["outputs"]
            return {name: _cast(name, answer[name], dtype, [n, *shape[1:]]) for name, (dtype, shape) in fields.items()}

    def _ask(self, signature, inputs):
        end = time.monotonic() + self._timeout
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._transport.predict(signature, inputs, end - time.monotonic())
            except Retryable:
                pause = PAUSE_SECONDS * attempt
                if attempt == ATTEMPTS or time.monotonic() + pause >= end:
                    raise
                time.sleep(pause)


def _check_shapes(signature, fields):
    """Raises ValueError unless every input and output has shape [n, ...] with known sizes after n."""
    for name, (_, shape) in fields.items():
        if shape[:1] != [None] or not all(is_integer(size) for size in shape[1:]):
            raise ValueError(f"{name} of {signature} must have shape [n, ...]. Received: {shape}")


def _with_known_rows(signature, fields, inputs, rows):
    """`inputs` with the `known_mask` whose first `rows` rows are known."""
    if "known_mask" not in fields:
        raise ValueError(f"{signature} takes {', '.join(sorted(fields))}. Received: rows={rows!r}")
    if "known_mask" in inputs:
        raise ValueError(f"give known_mask or rows, not both. Received: rows={rows!r}")
    height, width = fields["known_mask"][1][1:]
    if not is_integer(rows) or not 0 <= rows <= height:
        raise ValueError(f"rows must be an integer from 0 to {height}. Received: rows={rows!r}")
    return inputs | {"known_mask": np.arange(height)[:, None] < np.full((1, width), rows)}


def _number_of_images(n, counts):
    if n is None and not counts:
        raise ValueError("n must be given if no input has one entry per image. Received: n=None")
    return check_integer("n", counts[0] if n is None else n, 1, MAX_IMAGES)


def seeds_of(seed: int, n: int) -> np.ndarray:
    """One seed per image: int64 `[n]`, below 2**53, which JSON represents exactly.

    The seeds of `n` images are the first of those for a larger `n`.
    """
    n, seed = check_integer("n", n, 1, MAX_IMAGES), check_integer("seed", seed, 0)
    return np.random.default_rng(seed).integers(0, 2**53, n)


def _array_of(name, value):
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array. Received: {name} with parts of different shapes") from error


def _cast(name, value, dtype, shape):
    """`value` as an array of `dtype` and `shape`. Raises ValueError if that would change its values."""
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
        raise ValueError(f"{name} must be finite. Received: {np.sum(~np.isfinite(array))} numbers that are not finite")
    return array


# The script.


FLAGS = {  # name: (conversion, default, help)
    "server": (flag_values.text, GRPC_SERVER, "host:port for gRPC, http://host:port for REST"),
    "model": (flag_values.text, MODEL, "name under which the model is served"),
    "version": (flag_values.integer(1, 2**63 - 1), None, "version of the model (default: the latest)"),
    "timeout": (flag_values.number(above=0, high=MAX_TIMEOUT), 120.0, "seconds per request"),
    "n": (flag_values.integer(1, MAX_IMAGES), None, "number of images (default: 16, or those in --images)"),
    "seed": (flag_values.SEED, 0, "seed of the images' noise"),
    "temperature": (flag_values.number(above=0), None, "1 (default) samples from the model, lower values sharpen"),
    "label": (flag_values.integer(0), None, "class of the images, for class-conditional models"),
    "style": (flag_values.integer(0), None, "number of the design, for generators of chairs"),
    "azimuth": (flag_values.number(), None, "degrees from the front, for generators of chairs"),
    "elevation": (flag_values.number(-90, 90), None, "degrees above the horizon, for generators of chairs"),
    "images": (
        flag_values.several(flag_values.path),
        None,
        "a .npy file, uint8 [n, height, width, channels], or image files separated by commas",
    ),
    "known_mask": (flag_values.path, None, ".npy file, bool [height, width] or [n, height, width]: pixels to keep"),
    "rows": (flag_values.integer(0), None, "in place of --known_mask: number of upper rows to keep"),
    "condition": (flag_values.path, None, ".npy file with the condition, for conditional models"),
    "out": (flag_values.path, None, "file to write: .png for images, .npz for any output (default: print)"),
}


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses the command line `argv`, whose first entry is the script."""
    parser = argparse_flags.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("signature", help="sample, complete, log_prob, elbo, ...; or `signatures` to print them all")
    for name, (convert, default, help) in FLAGS.items():
        parser.add_argument(f"--{name}", type=convert, default=default, help=help)
    return parser.parse_args(argv[1:])


def run(options: argparse.Namespace) -> int | str:
    """Calls the signature that `options` name; returns 0, or a message for `sys.exit`."""
    logging.set_verbosity(logging.WARNING)
    try:
        if options.out is not None:
            flag_values.check_file("out", options.out, ".png", ".npz")
        client = Client(options.server, options.model, options.version, options.timeout)
        if options.signature == "signatures":
            if options.out is not None:
                raise ValueError(f"--out must be left out: signatures are printed. Received: {options.out!r}")
            for name, fields in sorted(client.signatures().items()):
                print(name, *(f"\n  {side}: {fields[side]}" for side in fields))
            return 0
        inputs = {name: getattr(options, name) for name in ("temperature", "label", "style", "azimuth", "elevation")}
        inputs |= {name: _numbers(name, getattr(options, name)) for name in ("known_mask", "condition")}
        inputs["images"] = _images(options.images, client, options.signature)
        inputs = {name: value for name, value in inputs.items() if value is not None}
        outputs = client.signatures().get(options.signature, {}).get("outputs", {})
        if _is_picture(options.out) and outputs and not _are_pictures(*outputs.get("images", ("", []))):
            raise ValueError(f"--out must be .npz for {', '.join(outputs)}. Received: {options.out!r}")
        n = 16 if options.n is None and "images" not in inputs else options.n
        _write_or_print(client.ask(options.signature, n=n, seed=options.seed, rows=options.rows, **inputs), options.out)
    except (ServingError, ValueError, OSError, ImportError) as error:
        return f"client: {error}"
    return 0


def _numbers(flag, path):
    """The array in a .npy file; None if `path` is None."""
    if path is None:
        return None
    try:
        # A memory map fails if the file is shorter than its header says, before that much memory is allocated.
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # many kinds, for files that are damaged, of another format, or hold pickled objects
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "another kind of file, or damaged"
        raise ValueError(f"--{flag} must be a .npy file of numbers. Received: {path!r}, {reason}") from error


def _images(paths, client, signature):
    """The images in a .npy file, or uint8 [n, height, width, channels] from image files of one size."""
    if paths is None:
        return None
    if len(paths) == 1 and pathlib.Path(paths[0]).suffix.lower() == ".npy":
        return _numbers("images", paths[0])
    from image_generators.data.sources.files import read_image

    pictures = [read_image(path) for path in paths]
    sizes = sorted({picture.size[::-1] for picture in pictures})
    if len(sizes) > 1:
        raise ValueError(f"--images must have one size. Received: (height, width) in {sizes}")
    _, shape = client.signatures().get(signature, {}).get("inputs", {}).get("images", ("uint8", [None]))
    if shape[-1] == 1:
        return np.stack([np.asarray(picture.convert("L"))[..., None] for picture in pictures])
    return np.stack([np.asarray(picture) for picture in pictures])


def _is_picture(out):
    return out is not None and pathlib.Path(out).suffix.lower() == ".png"


def _are_pictures(dtype, shape):
    return dtype == "uint8" and len(shape) == 4 and shape[-1] in (1, 3)


def _write_or_print(answer, out):
    if out is None:
        for name, array in answer.items():
            print(name, array.tolist() if array.size <= 256 else f"{array.dtype} {list(array.shape)}: give --out")
    elif _is_picture(out):
        from image_generators.evaluation import pictures

        images = answer["images"]
        pictures.save_png(out, pictures.grid(images, padding=0, levels=2 if images.max() <= 1 else 256))
    else:
        with durable.writing(out) as file:
            np.savez(file, **answer)


if __name__ == "__main__":
    app.run(run, flags_parser=parse)
