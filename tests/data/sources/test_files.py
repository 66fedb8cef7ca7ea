"""Image files of all kinds that Pillow writes; and what is no image."""

import numpy as np
import pytest
from PIL import Image

from image_generators.data.sources.catalogue import DataError
from image_generators.data.sources.files import read_square

SIDE = 16
# Left half red, right half blue, in an image that is wider than high; the middle square has both.
COLOURS = np.zeros((40, 64, 3), "uint8")
COLOURS[:, :32, 0] = COLOURS[:, 32:, 2] = 255


def halves(path):
    found = read_square(path, SIDE)
    assert found.shape == (SIDE, SIDE, 3) and found.dtype == np.uint8
    return [found[4:12, columns].reshape(-1, 3).mean(0).round().tolist() for columns in (slice(1, 6), slice(10, 15))]


RED, BLUE = [255, 0, 0], [0, 0, 255]


@pytest.mark.parametrize("ending", ["png", "bmp", "webp", "tiff", "gif", "jpg"])
def test_every_supported_format_is_read(tmp_path, ending):
    options = {"quality": 100} if ending in ("jpg", "webp") else {}
    Image.fromarray(COLOURS).save(tmp_path / f"image.{ending}", **options)
    np.testing.assert_allclose(halves(tmp_path / f"image.{ending}"), [RED, BLUE], atol=12)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr"])
def test_every_colour_mode_becomes_rgb(tmp_path, mode):
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / "image.tiff")
    np.testing.assert_allclose(halves(tmp_path / "image.tiff"), [RED, BLUE], atol=3)


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_every_grey_mode_is_read(tmp_path, mode):
    grey = np.where(np.arange(64) < 32, 255, 0).astype("uint8")[None].repeat(40, 0)
    Image.fromarray(grey).convert(mode).save(tmp_path / "image.png")
    assert halves(tmp_path / "image.png") == [[255] * 3, [0] * 3]


@pytest.mark.parametrize("values", ["uint16", "int32", "float32"])
def test_more_than_eight_bits_become_eight_and_are_not_cut_off(tmp_path, values):
    left, right = (1.0, 0.5) if values == "float32" else (65535, 32768)
    deep = np.where(np.arange(64) < 32, left, right).astype(values)[None].repeat(40, 0)
    Image.fromarray(deep).save(tmp_path / "image.tiff")
    np.testing.assert_allclose(halves(tmp_path / "image.tiff"), [[255] * 3, [128] * 3], atol=1)


@pytest.mark.parametrize("ending", ["png", "tiff"])
@pytest.mark.parametrize("value, grey", [(200, 1), (300, 1), (65535, 255)])
def test_dark_images_of_sixteen_bits_stay_dark(tmp_path, ending, value, grey):
    Image.fromarray(np.full((40, 40), value, "uint16")).save(tmp_path / f"image.{ending}")
    np.testing.assert_array_equal(read_square(tmp_path / f"image.{ending}", SIDE), np.full((SIDE, SIDE, 3), grey))


def test_transparent_pixels_become_white(tmp_path):
    image = Image.fromarray(COLOURS).convert("RGBA")
    image.putalpha(Image.fromarray(np.where(np.arange(64) < 32, 255, 0).astype("uint8")[None].repeat(40, 0)))
    image.save(tmp_path / "image.png")
    assert halves(tmp_path / "image.png") == [RED, [255] * 3]


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    Image.fromarray(COLOURS).save(tmp_path / "image.png", exif=exif)
    assert halves(tmp_path / "image.png") == [BLUE, RED]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (5, 3), (1000, 10)])
def test_images_are_resized(tmp_path, shape):
    Image.fromarray(np.full((*shape, 3), 120, "uint8")).save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_square(tmp_path / "image.png", SIDE), np.full((SIDE, SIDE, 3), 120))


def test_files_that_are_not_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="images.*Received: '") as error:
        read_square(tmp_path / "absent.png", SIDE)
    assert "absent.png'" in str(error.value)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.fromarray(COLOURS).save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    for name in ("text.png", "empty.png", "cut.png"):
        with pytest.raises(DataError, match="images.*Received: '") as error:
            read_square(tmp_path / name, SIDE)
        assert name in str(error.value)
