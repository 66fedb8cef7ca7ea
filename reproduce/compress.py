"""A likelihood checked by files: images compressed with a trained Gated PixelCNN, and decompressed bit for bit.

python reproduce/compress.py                                        test images: the table in results/pixelcnn.md
python reproduce/compress.py --encode=a.png,b.png --out=two.gpcn    image files of one size
python reproduce/compress.py --decode=two.gpcn --out=folder         and back, as PNG: 0.png, 1.png

Kept are the pixels, turned upright where EXIF says so. Images must be still, RGB, opaque and of 8 bits; of a profile,
EXIF and other metadata the command says that it does not keep them.

The first command encodes test images into one file, decodes it in another process, compares, and sets the file's size
beside what the model claims (its bits/dim) and beside PNG, WebP and JPEG XL, each at its slowest, lossless setting: a
file an image, as they are used, and all images side by side in one, which saves their headers.

The decoder asks the network for every pixel, since each waits for the one before (models/pixelcnn/lossless.py): images
side by side keep it busy, one image alone takes almost as long as sixteen.
"""

import datetime
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from absl import app, flags, logging
from PIL import Image, ImageOps

from image_generators.data import durable, flag_values
from image_generators.data import images as data_images
from image_generators.evaluation import compress_page, networks, pictures, records
from image_generators.training import machine, memory

FORMATS = ("PNG", "JPEG", "WEBP")  # of others Pillow drops bits or channels and does not say so
METADATA = ("exif", "icc_profile", "xmp", "gamma", "chromaticity", "dpi", "comment")  # as Pillow calls it

_MODEL = "table1_cifar/gated_pixel_cnn-muon-cifar10.json"
_DATA = "cifar10"


def define(values=flags.FLAGS):
    """Defines the flags."""
    path, into = flag_values.path, {"flag_values": values}
    encode = "image files of one size, with commas between, to compress into --out"
    flag_values.define("encode", flag_values.several(path), None, encode, **into)
    flag_values.define("decode", path, None, "compressed file to decompress into --out", **into)
    flag_values.define("out", path, None, "file (--encode) or folder (--decode; or a .npy file) to write", **into)
    flag_values.define(
        "model", path, _MODEL, "record of the Gated PixelCNN, in --results_dir; to decode, the same", **into
    )
    flags.DEFINE_integer("images", 500, "how many test images are compared", lower_bound=1, **into)
    flag_values.define("data_dir", path, None, "folder of TensorFlow Datasets or .npz (default: TFDS_DATA_DIR)", **into)
    flag_values.define("results_dir", path, str(records.RESULTS), "with the records and their weights", **into)


def main(argv):
    logging.set_verbosity(logging.WARNING)
    memory.keep_freed_memory()
    options = flags.FLAGS
    try:
        if len(argv) > 1:
            raise ValueError(f"every argument must be a --flag. Received: {' '.join(argv[1:])}")
        if options.encode and options.decode:
            raise ValueError("--encode and --decode must not be given together")
        if (options.encode or options.decode) and not options.out:
            raise ValueError("--encode and --decode need --out: the file, or the folder, to write")
        if options.encode:
            flag_values.check_file("out", options.out)
            encode_files(options.encode, options.out, _network(options))
        elif options.decode:
            if options.out.endswith(".npy"):
                flag_values.check_file("out", options.out)
            else:
                flag_values.check_folder("out", options.out, new=True)
            decode_file(options.decode, options.out, _network(options))
        else:
            flag_values.check_folder("results_dir", options.results_dir)
            compare(options)
    except (ValueError, OSError) as error:
        sys.exit(f"compress: {error}")
    except Exception as error:
        import tensorflow as tf  # here: errors in flags do not wait for it

        if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
            sys.exit("compress: the images must fit into memory: take fewer, or smaller ones")
        raise


def _network(options):
    results = pathlib.Path(options.results_dir)
    if not (results / options.model).is_file():
        raise ValueError(f"--model must be a record in {results}. Received: {options.model!r}, which is no file")
    try:
        return networks.restore(records.read(results / options.model), results)
    except Exception as error:  # of JSON, Keras and h5py, whatever they raise
        raise ValueError(
            f"--model must be a record in {results}, with its weights. Received: {options.model!r} ({error})"
        ) from error


def encode_files(paths, out, network):
    """Image files of one size into one compressed file."""
    from image_generators.models.pixelcnn import lossless

    if pathlib.Path(out).is_dir():
        raise ValueError(f"--out must be a file to write. Received: {str(out)!r}, a folder")
    images = [_read(path) for path in paths]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise ValueError(f"--encode must be images of one size. Received: sizes {sorted(s[:2] for s in shapes)}")
    content = lossless.encode(network, np.stack(images))
    durable.write(pathlib.Path(out), content)
    print(f"{len(images)} image(s), {len(content):,} bytes, {_bits_per_dim(len(content), images):.3f} bits/dim: {out}")


def decode_file(path, out, network):
    """A compressed file into PNG files 0.png, 1.png, ... of a folder; or, where `out` ends so, into one .npy file."""
    from image_generators.models.pixelcnn import lossless

    if not pathlib.Path(path).is_file():
        raise ValueError(f"--decode must be a compressed file. Received: {path!r}, which is no file")
    out = pathlib.Path(out)
    if out.exists() and out.is_dir() == (out.suffix == ".npy"):
        raise ValueError(f"--out must be a folder, or a .npy file, to write. Received: {str(out)!r}")
    try:
        images = lossless.decode(network, pathlib.Path(path).read_bytes())
    except lossless.OtherWeights as error:
        raise ValueError(f"{error}; --model must be what it was for --encode") from error
    if out.suffix == ".npy":
        file = io.BytesIO()
        np.save(file, images)
        durable.write(out, file.getvalue())
    else:
        for i, image in enumerate(images):
            pictures.save_png(out / f"{i}.png", image)
    print(f"{len(images)} image(s): {out}")


def _read(path):
    if not pathlib.Path(path).is_file():
        raise ValueError(f"--encode must be image files. Received: {path!r}, which is no file")
    try:
        with Image.open(path, formats=FORMATS) as image:
            frames, stored = getattr(image, "n_frames", 1), str(image.tile)  # of which nothing is left when it is read
            image.load()
        upright = ImageOps.exif_transpose(image)
    except Exception as error:  # of Pillow and its codecs, whatever they raise
        accepted = ", ".join(FORMATS)
        raise ValueError(f"--encode must be image files: {accepted}. Received: {path!r} ({error})") from error
    if frames > 1:
        raise ValueError(
            f"--encode must be still images, which come back whole. Received: {frames} frames, in {path!r}"
        )
    if image.mode != "RGB":
        raise ValueError(
            f"--encode must be RGB images of 8 bits, which come back whole. Received: {image.mode!r}, in {path!r}"
        )
    if "RGB;16" in stored:  # of PNG: Pillow keeps the upper half of the bits
        raise ValueError(f"--encode must be RGB images of 8 bits, which come back whole. Received: 16, in {path!r}")
    if image.has_transparency_data:
        raise ValueError(f"--encode must be RGB images, all opaque. Received: a transparent colour, in {path!r}")
    lost = [name for name in METADATA if name in image.info] + sorted(getattr(image, "text", {}))
    if lost:
        print(f"Not kept, of {path}: {', '.join(lost)}")
    return np.asarray(upright)


def compare(options):
    """Measures and keeps: results/compress/<model>-<data>.json, from which report.py draws a table."""
    from image_generators.models.pixelcnn import lossless

    network, data = _network(options), data_images.load(_DATA, options.data_dir)
    images = data.test.images[: options.images]
    print(f"Data: {data.title}, the first {len(images)} test images")
    start = time.perf_counter()
    content = lossless.encode(network, images)
    encode_seconds = time.perf_counter() - start
    decoded, decode_seconds = _in_another_process(content, options)
    if not np.array_equal(decoded, images):
        raise ValueError("what was decoded in another process is not what was encoded")
    measured = {
        "claimed": float(network.bits_per_dim(images).mean(dtype="float64")),
        "file": _bits_per_dim(len(content), images),
        "encode_images_per_second": len(images) / encode_seconds,
        "decode_images_per_second": len(images) / decode_seconds,
    }
    for name, (encode, decode) in CODECS.items():
        measured[name] = {
            "each": _bits_per_dim(sum(_checked(encode, decode, image) for image in images), images),
            "together": _bits_per_dim(_checked(encode, decode, _side_by_side(images)), images),
        }
    _keep(measured, data, images, options)


def _keep(measured, data, images, options):
    import imagecodecs

    from image_generators.models.pixelcnn import lossless

    content = {
        "model": options.model.removesuffix(".json"),
        "data": data.name,
        "data_title": data.title,
        "is_fallback": data.is_fallback,
        "images": len(images),
        "side_by_side": min(len(images), lossless.BATCH),
        "measured": measured,
        "hardware": machine.describe(),
        "versions": records.versions() | {"imagecodecs": imagecodecs.__version__},
        "commit": records.git_commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    name = f"{pathlib.PurePosixPath(content['model']).name}-on-{data.name}.json"
    text = json.dumps(content, indent=2) + "\n"
    durable.write(pathlib.Path(options.results_dir) / "compress" / name, text)
    print(compress_page.page([content]))
    print("To draw results/ and the README anew: python reproduce/report.py")


def _in_another_process(content, options):
    """(the images that another process decodes, its seconds, with starting and compiling)."""
    with tempfile.TemporaryDirectory() as folder:
        file, out = pathlib.Path(folder, "images.gpcn"), pathlib.Path(folder, "images.npy")
        file.write_bytes(content)
        command = [sys.executable, __file__, f"--decode={file}", f"--out={out}", f"--model={options.model}"]
        start = time.perf_counter()
        done = subprocess.run([*command, f"--results_dir={options.results_dir}"], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"decoding in another process failed: {done.stderr[-2000:]}")
        return np.load(out), time.perf_counter() - start


def _pillow(form, **settings):
    def encode(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, form, **settings)
        return file.getvalue()

    return encode, lambda content: np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _encode_jpeg_xl(image):
    import imagecodecs

    return imagecodecs.jpegxl_encode(image, lossless=True, effort=9)


def _decode_jpeg_xl(content):
    import imagecodecs

    return imagecodecs.jpegxl_decode(content)


CODECS = {
    "PNG": _pillow("PNG", optimize=True),
    "WebP": _pillow("WEBP", lossless=True, quality=100, method=6, exact=True),
    "JPEG XL": (_encode_jpeg_xl, _decode_jpeg_xl),
}


def _checked(encode, decode, image):
    """Bytes of the compressed image, which must come back as it was."""
    content = encode(image)
    if not np.array_equal(decode(content), image):
        raise ValueError("a codec that should be lossless changed an image")
    return len(content)


def _side_by_side(images):
    """[n, h, w, 3] -> one image, about as wide as high; what is left of the last row is black."""
    return pictures.grid(images, padding=0, background=0)


def _bits_per_dim(size, images):
    return 8.0 * size / (len(images) * images[0].size)


if __name__ == "__main__":
    define()
    app.run(main)
