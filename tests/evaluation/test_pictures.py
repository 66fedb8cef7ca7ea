"""Pictures: every pixel of a grid is an image's, where it belongs, or background; a file holds what was given."""

import numpy as np
import pytest
from PIL import Image

from image_generators.evaluation import pictures


def images(n=5, height=2, width=3, channels=3, levels=256):
    return np.random.default_rng(0).integers(levels, size=[n, height, width, channels], dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("columns, padding, scale", [(2, 1, 1), (3, 0, 2), (5, 2, 3), (7, 1, 1)])
def test_grid_places_every_pixel_correctly(channels, columns, padding, scale):
    x = images(channels=channels)
    picture = pictures.grid(x, columns=columns, padding=padding, scale=scale, background=7)
    rows = -(-len(x) // columns)
    expected = np.full([rows * (2 * scale + padding) + padding, columns * (3 * scale + padding) + padding, channels], 7)
    for n in range(len(x)):
        for i in range(2 * scale):
            for j in range(3 * scale):
                top = padding + (n // columns) * (2 * scale + padding)
                left = padding + (n % columns) * (3 * scale + padding)
                expected[top + i, left + j] = x[n, i // scale, j // scale]
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, expected)


def test_the_default_grid_is_nearly_square_on_white():
    picture = pictures.grid(images(n=10, height=2, width=2))
    assert picture.shape == (3 * 3 + 1, 4 * 3 + 1, 3)
    assert (picture[0] == 255).all() and (picture[:, 0] == 255).all()


def test_a_background_may_be_a_colour():
    assert pictures.grid(images(), background=(1, 2, 3))[0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("levels, shown", [(2, [0, 255]), (4, [0, 85, 170, 255]), (17, [0, 16, 32, 48])])
def test_few_levels_are_spread_from_black_to_white(levels, shown):
    x = np.arange(len(shown), dtype=np.uint8).reshape(1, 1, -1, 1)
    assert pictures.grid(x, padding=0, levels=levels).ravel().tolist() == shown


def test_256_levels_are_shown_unchanged():
    x = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(pictures.grid(x, padding=0), x[0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"images": images().astype(float)}, "images"),
        ({"images": images(channels=2)}, r"Received: uint8 \[5, 2, 3, 2\]"),
        ({"images": images()[0]}, r"Received: uint8 \[2, 3, 3\]"),
        ({"images": images(n=0)}, r"Received: uint8 \[0, 2, 3, 3\]"),
        ({"columns": 0}, "columns.*Received: 0"),
        ({"columns": 2.0}, r"columns.*Received: 2\.0"),
        ({"padding": -1}, "padding.*Received: -1"),
        ({"scale": 0}, "scale.*Received: 0"),
        ({"levels": 1}, "levels.*Received: 1"),
        ({"images": images() // 255 + 2, "levels": 2}, "Received: 2, and pixels up to 2"),
        ({"levels": 2}, "levels.*Received: 2, and pixels up to "),
        ({"background": 256}, "background.*Received: 256"),
        ({"background": (1, 2)}, r"background.*Received: \(1, 2\)"),
        ({"background": 0.5}, r"background.*Received: 0\.5"),
    ],
)
def test_errors_name_the_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        pictures.grid(**({"images": images()} | arguments))


@pytest.mark.parametrize("channels", [1, 3])
def test_labels_stand_left_of_their_rows(channels):
    picture = pictures.grid(images(n=6, height=20, width=20, channels=channels), columns=2)
    labelled = pictures.label_rows(picture, ["dog", "", "aeroplane"])
    margin = labelled[:, : labelled.shape[1] - picture.shape[1]]
    np.testing.assert_array_equal(labelled[:, margin.shape[1] :], picture)
    third = len(picture) // 3
    inked = [bool((margin[i * third : (i + 1) * third] < 128).any()) for i in range(3)]
    assert inked == [True, False, True]
    assert (margin[:, -1] == 255).all()  # the longest label ends inside the margin


@pytest.mark.parametrize("labels", [[], "dog"])
def test_labels_must_be_a_list_of_strings(labels):
    with pytest.raises(ValueError, match="labels"):
        pictures.label_rows(pictures.grid(images()), labels)


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_png_holds_the_exact_pixels(tmp_path, channels, mode):
    image = images(channels=channels)[0]
    path = pictures.save_png(tmp_path / "new" / "image.png", image)
    with Image.open(path) as saved:
        assert (saved.format, saved.mode) == ("PNG", mode)
        np.testing.assert_array_equal(np.asarray(saved).reshape(image.shape), image)
    assert [file.name for file in path.parent.iterdir()] == ["image.png"]


@pytest.mark.parametrize(
    "path, image, message",
    [
        ("a.jpg", images()[0], r"path.*Received: 'a\.jpg'"),
        ("a.png", images(), r"image.*Received: uint8 \[5, 2, 3, 3\]"),
        ("a.png", images()[0] / 255, r"image.*Received: float64 \[2, 3, 3\]"),
    ],
)
def test_bad_images_are_not_saved(tmp_path, monkeypatch, path, image, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        pictures.save_png(path, image)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_holds_every_frame_and_runs_for_ever(tmp_path, channels):
    """Few colours, so that none is replaced."""
    frames = images(n=7, height=12, width=16, channels=channels) // 64 * 64
    frames[..., 1:] = frames[..., :1]
    path = pictures.save_gif(tmp_path / "new" / "film.gif", frames, milliseconds=50, last=900)
    with Image.open(path) as film:
        assert (film.format, film.n_frames, film.info["loop"]) == ("GIF", 7, 0)
        for t, frame in enumerate(frames):
            film.seek(t)
            np.testing.assert_array_equal(np.asarray(film.convert("RGB")), np.broadcast_to(frame, (12, 16, 3)))
            assert film.info["duration"] == (900 if t == 6 else 50)
    assert [file.name for file in path.parent.iterdir()] == ["film.gif"]


def test_a_repeated_frame_is_shown_twice_as_long(tmp_path):
    frame = images(n=2, height=12, width=16, channels=1)
    with Image.open(pictures.save_gif(tmp_path / "film.gif", frame[[0, 0, 1]], milliseconds=50)) as film:
        assert (film.n_frames, film.info["duration"]) == (2, 100)


@pytest.mark.parametrize(
    "path, frames, message",
    [
        ("a.png", images(), r"path.*Received: 'a\.png'"),
        ("a.gif", images()[0], r"frames.*Received: uint8 \[3, 3\]"),
        ("a.gif", images(n=0), "frames.*Received: none"),
    ],
)
def test_bad_films_are_not_saved(tmp_path, monkeypatch, path, frames, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        pictures.save_gif(path, frames)
    assert not list(tmp_path.iterdir())
