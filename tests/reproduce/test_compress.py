"""compress.py: image files to one file and back, and the comparison with other codecs, decoded in another process."""

import dataclasses
import json
from types import SimpleNamespace

import imagecodecs
import keras
import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from image_generators.evaluation import compress_page, networks, records
from image_generators.models.pixelcnn.gated_pixel_cnn import GatedPixelCNN
from image_generators.reproduce import compress as compress_script
from image_generators.training import loop as training

lossless = pytest.importorskip("image_generators.models.pixelcnn.lossless", reason="the coder runs on TensorFlow")

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the coder runs on TensorFlow")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder with the record and the weights of a tiny network for 32x32 RGB images."""
    folder = tmp_path_factory.mktemp("results")
    keras.utils.set_random_seed(0)
    network = GatedPixelCNN(filters=3, depth=1, first_kernel_size=3)
    network.build()
    known = next(
        record for record in records.read_all(records.REPOSITORY / "results", "table1_cifar") if record.weights
    )
    config = {name: value for name, value in network.get_config().items() if name not in ("name", "trainable", "dtype")}
    digest = training.save_weights(network, folder / "tiny.weights.h5")
    changes = {"model": "gated_pixel_cnn", "row": "Gated PixelCNN", "model_config": config, "preset": "smoke"}
    record = dataclasses.replace(known, **changes, weights="tiny.weights.h5", weights_sha256=digest)
    records.write(record, folder)
    return folder


@pytest.fixture(scope="module")
def model(results):
    return next(path.relative_to(results) for path in results.glob("table1_cifar/*.json"))


def test_files_are_restored_bit_for_bit(results, model, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 6, 9, 3)).astype("uint8")
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, image in zip(files, images, strict=True):
        Image.fromarray(image).save(path)
    network = networks.restore(records.read(results / model), results)
    compress_script.encode_files(files, tmp_path / "two.gpcn", network)
    compress_script.decode_file(tmp_path / "two.gpcn", tmp_path / "back", network)
    found = [np.asarray(Image.open(tmp_path / "back" / f"{i}.png")) for i in range(2)]
    np.testing.assert_array_equal(found, images)


def test_the_comparison_is_recorded_and_drawn(results, model, capsys, monkeypatch):
    """What is decoded in another process, of one thread, is what was encoded in this one."""
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    options = SimpleNamespace(model=str(model), images=2, data_dir=None, results_dir=str(results))
    compress_script.compare(options)
    (content,) = compress_page.read_all(results)
    measured = content["measured"]
    # Of two images the header is half a percent; random weights claim about eight bits a sub-pixel.
    assert measured["file"] == pytest.approx(measured["claimed"], rel=0.03)
    for name in ("PNG", "WebP", "JPEG XL"):
        assert 0 < measured[name]["each"] < 9 and 0 < measured[name]["together"] < 9
    page = compress_page.page([content])
    assert f"{measured['file']:.3f}" in page and f"{measured['JPEG XL']['each']:.3f}" in page
    assert page.strip() in capsys.readouterr().out
    json.dumps(content, allow_nan=False)


@pytest.fixture
def run(results, model, monkeypatch):
    """`run(**flags)`: what the script exits with, in this process."""
    script = compress_script

    def run(**given):
        options = {"encode": None, "decode": None, "out": None, "model": str(model), "images": 1, "data_dir": None}
        options |= {"results_dir": str(results), **given}
        monkeypatch.setattr(script.flags, "FLAGS", SimpleNamespace(**options))
        with pytest.raises(SystemExit) as stopped:
            script.main(["compress.py"])
        return str(stopped.value)

    return run


def test_errors_name_the_flag(run, tmp_path):
    grey, text = tmp_path / "grey.png", tmp_path / "text.png"
    Image.fromarray(np.zeros((4, 4), "uint8")).save(grey)
    text.write_text("no image")
    out = str(tmp_path / "out.gpcn")
    assert "--encode and --decode" in run(encode=["a"], decode="b", out=out)
    assert "--out" in run(decode="b")
    assert "Received: 'L'" in run(encode=[str(grey)], out=out)
    assert "cannot identify image file" in run(encode=[str(text)], out=out)
    assert "none.png" in run(encode=[str(tmp_path / "none.png")], out=out)
    assert "`encode`" in run(decode=str(text), out=out)
    assert "--decode" in run(decode=str(tmp_path / "none"), out=out)
    assert "--model" in run(decode=str(text), out=out, model="none.json")
    other = GatedPixelCNN(filters=3, depth=1, first_kernel_size=3)
    (tmp_path / "other.gpcn").write_bytes(lossless.encode(other, np.zeros((1, 4, 4, 3), "uint8")))
    assert "--model" in run(decode=str(tmp_path / "other.gpcn"), out=out)
    transparent = tmp_path / "transparent.png"
    Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(transparent, transparency=(0, 0, 0))
    assert "transparent.png" in run(encode=[str(transparent)], out=out)
    deep = tmp_path / "deep.png"
    deep.write_bytes(imagecodecs.png_encode(np.zeros((4, 4, 3), "uint16")))
    assert "Received: 16" in run(encode=[str(deep)], out=out)
    damaged = tmp_path / "damaged.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype("uint8")).save(damaged)
    content = damaged.read_bytes()
    second = content.rindex(b"IDAT")  # its name: what Pillow calls a SyntaxError
    for stored in (content[:second] + b"\0\0\0\0" + content[second + 4 :], content[:5000]):
        damaged.write_bytes(stored)
        assert f"Received: '{damaged}'" in run(encode=[str(damaged)], out=out)
    assert not (tmp_path / "out.gpcn").exists()


@pytest.fixture
def encoded(monkeypatch):
    """What would be compressed: a list that `encode_files` fills with images, without any network."""
    seen = []
    monkeypatch.setattr(lossless, "encode", lambda network, images: seen.extend(images) or b"")
    return seen


PICTURES = np.random.default_rng(1).integers(0, 256, (3, 4, 6, 3)).astype("uint8")


@pytest.mark.parametrize("form, options", [("PNG", {}), ("WEBP", {"lossless": True}), ("MPO", {})])
def test_more_than_one_frame_is_refused(run, tmp_path, form, options):
    first, *others = map(Image.fromarray, PICTURES)
    path = tmp_path / "moving"
    first.save(path, form, save_all=True, append_images=others, **options)
    assert "Received: 3 frames" in run(encode=[str(path)], out=str(tmp_path / "out"))


@pytest.mark.parametrize("form, options", [("PNG", {}), ("WEBP", {"lossless": True})])
def test_exif_orientation_is_applied(encoded, tmp_path, capsys, form, options):
    orientation = Image.Exif()
    orientation[ExifTags.Base.Orientation] = 6  # to be turned to the right
    Image.fromarray(PICTURES[0]).save(tmp_path / "lying", form, exif=orientation, **options)
    compress_script.encode_files([tmp_path / "lying"], tmp_path / "out", None)
    np.testing.assert_array_equal(encoded, [np.rot90(PICTURES[0], -1)])
    assert f"Not kept, of {tmp_path / 'lying'}: exif" in capsys.readouterr().out


def test_lost_metadata_is_reported(encoded, tmp_path, capsys):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "somebody")
    Image.fromarray(PICTURES[0]).save(tmp_path / "a.png", pnginfo=text, icc_profile=b"colours", dpi=(72, 72))
    Image.fromarray(PICTURES[1]).save(tmp_path / "b.png")
    compress_script.encode_files([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out", None)
    np.testing.assert_array_equal(encoded, PICTURES[:2])
    said = capsys.readouterr().out
    assert f"Not kept, of {tmp_path / 'a.png'}: icc_profile, dpi, Author" in said and "b.png" not in said


@pytest.mark.parametrize("write", [imagecodecs.tiff_encode, imagecodecs.jpeg2k_encode])
def test_formats_that_may_lose_bits_are_refused(run, tmp_path, write):
    (tmp_path / "deep").write_bytes(write(np.zeros((4, 4, 3), "uint16")))
    assert "Received: " in run(encode=[str(tmp_path / "deep")], out=str(tmp_path / "out"))


@pytest.mark.parametrize("content", ["", "null", "{}", "[]", '{"model": 1}', "\0\0", '{"weights": "../x"}'])
def test_a_damaged_record_is_named(run, results, tmp_path, content):
    (results / "damaged.json").write_text(content)
    assert "--model" in run(decode=str(__file__), out=str(tmp_path), model="damaged.json")


def test_where_to_write_is_checked_before_the_work(run, monkeypatch, tmp_path):
    for name in ("encode", "decode"):
        monkeypatch.setattr(lossless, name, None)
    folder, file = tmp_path / "folder.npy", tmp_path / "file"
    folder.mkdir()
    file.write_text("")
    assert "--out" in run(encode=[str(file)], out=str(folder))
    for out in (file, folder):
        assert "--out" in run(decode=str(file), out=str(out))


def test_images_too_large_for_memory_are_refused(run, monkeypatch, tmp_path):
    def encode(network, images):
        raise MemoryError

    Image.fromarray(PICTURES[0]).save(tmp_path / "a.png")
    monkeypatch.setattr(lossless, "encode", encode)
    assert "memory" in run(encode=[str(tmp_path / "a.png")], out=str(tmp_path / "out"))


def test_images_of_two_sizes_are_refused(run, tmp_path):
    for side in (4, 5):
        Image.fromarray(np.zeros((side, side, 3), "uint8")).save(tmp_path / f"{side}.png")
    said = run(encode=[str(tmp_path / "4.png"), str(tmp_path / "5.png")], out=str(tmp_path / "out"))
    assert "[(4, 4), (5, 5)]" in said
