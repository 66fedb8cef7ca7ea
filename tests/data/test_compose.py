"""Composed pictures: geometry, sums, and equality with a naive loop on the same random numbers."""

import numpy as np
import pytest

from image_generators.data import compose


def generator(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def noise(n, seed=1, low=1, high=256):
    return generator(seed).integers(low, high, (n, 28, 28, 1), dtype=np.uint8)


def black(n):
    return np.zeros((n, 28, 28, 1), np.uint8)


def naive_cluttered(digits, sources, rng):
    """Picture by picture as DeepMind's generator goes, clipping after each kind of piece, in floating point."""
    n = len(digits)
    source = rng.integers(len(sources), size=(8, n))
    cut, place = rng.integers(21, size=(2, 8, n)), rng.integers(93, size=(2, 8, n))
    digit_place = rng.integers(73, size=(2, n))
    pictures = []
    for i in range(n):
        picture = np.zeros((100, 100))
        for j in range(8):
            (s_y, s_x), (t_y, t_x) = cut[:, j, i], place[:, j, i]
            picture[t_y : t_y + 8, t_x : t_x + 8] += sources[source[j, i], s_y : s_y + 8, s_x : s_x + 8, 0] / 255
        picture[picture >= 1] = 1
        y, x = digit_place[:, i]
        picture[y : y + 28, x : x + 28] += digits[i, ..., 0] / 255
        picture[picture >= 1] = 1
        pictures.append(np.rint(picture * 255))
    return np.array(pictures, np.uint8)[..., None]


def naive_two_digits(first, sources, rng):
    n = len(first)
    second, place = sources[rng.integers(len(sources), size=n)], rng.integers(33, size=(2, 2, n))
    pictures = []
    for i in range(n):
        picture = np.zeros((60, 60))
        for j, digits in enumerate((first, second)):
            top, left = place[0, j, i], place[1, j, i]
            picture[top : top + 28, left : left + 28] += digits[i, ..., 0] / 255
        pictures.append(np.rint(np.minimum(picture, 1) * 255))
    return np.array(pictures, np.uint8)[..., None]


@pytest.mark.parametrize(
    ("fast", "naive"), [(compose.cluttered, naive_cluttered), (compose.two_digits, naive_two_digits)]
)
def test_pictures_equal_those_of_a_naive_loop(fast, naive):
    digits, sources = noise(40, seed=1, low=0), noise(9, seed=2, low=0)
    np.testing.assert_array_equal(fast(digits, sources, generator(3)), naive(digits, sources, generator(3)))


@pytest.mark.parametrize(("make", "size"), [(compose.cluttered, 100), (compose.two_digits, 60)])
def test_shape_type_and_seed(make, size):
    digits = noise(6)
    pictures = make(digits, digits, generator(1))
    assert pictures.shape == (6, size, size, 1) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, make(digits, digits, generator(1)))
    assert not np.array_equal(pictures, make(digits, digits, generator(2)))


@pytest.mark.parametrize(("make", "positions"), [(compose.cluttered, 73), (compose.two_digits, 33)])
def test_a_digit_is_whole_and_anywhere_with_equal_chances(make, positions):
    """On a black rest each digit keeps all of its pixels; chi-squared of its offsets is that of a uniform draw."""
    n = 4000
    digit = noise(1)
    pictures = make(digit.repeat(n, 0), black(3), generator(4))[..., 0]
    rows, columns = (pictures.any(axis) for axis in (2, 1))
    for lit in (rows, columns):
        assert (lit.sum(1) == 28).all()
        counts = np.bincount(lit.argmax(1), minlength=positions)
        assert len(counts) == positions and counts.min() > 0
        chi_squared = np.square(counts - n / positions).sum() / (n / positions)
        assert abs(chi_squared - (positions - 1)) < 5 * np.sqrt(2 * (positions - 1))
    assert abs(np.corrcoef(rows.argmax(1), columns.argmax(1))[0, 1]) < 5 / np.sqrt(n)
    np.testing.assert_array_equal(pictures[pictures > 0].reshape(n, 28, 28), digit[..., 0].repeat(n, 0))


def test_clutter_is_eight_windows_of_the_sources():
    """In noise no window is like another, so that every piece tells where it was cut."""
    sources = noise(3)
    windows = {
        sources[s, y : y + 8, x : x + 8, 0].tobytes(): (s, y, x) for s in range(3) for y in range(21) for x in range(21)
    }
    pictures = compose.cluttered(black(300), sources, generator(5))[..., 0]
    lit = (pictures > 0).sum((1, 2))
    assert lit.max() == 8 * 64 and 8 * 64 * 0.8 < lit.mean() < 8 * 64
    seen, places = set(), set()
    for picture in pictures[lit == 8 * 64]:
        found = {
            (y, x): windows[window]
            for y in range(93)
            for x in range(93)
            if picture[y, x] and (window := picture[y : y + 8, x : x + 8].tobytes()) in windows
        }
        assert len(found) == 8
        places |= set(found)
        seen |= set(found.values())
    assert {s for s, _, _ in seen} == {0, 1, 2}
    for axis, positions in ((1, 21), (2, 21)):
        assert {window[axis] for window in seen} == set(range(positions))
    for axis in (0, 1):
        assert {place[axis] for place in places} == set(range(93))


def test_sums_stop_at_white():
    """Nothing wraps around: on white, everything that is covered is white, and the digit covers what is under it."""
    white = np.full((50, 28, 28, 1), 255, np.uint8)
    for pictures in (compose.cluttered(white, white, generator()), compose.two_digits(white, white, generator())):
        assert set(np.unique(pictures)) == {0, 255}
    bright = np.full((50, 28, 28, 1), 200, np.uint8)
    assert set(np.unique(compose.two_digits(bright, bright, generator()))) == {0, 200, 255}


def test_clutter_never_darkens_the_digit():
    digits, sources = noise(50, seed=6), noise(9, seed=7)
    alone = compose.cluttered(digits, black(9), generator(8))
    among_pieces = compose.cluttered(digits, sources, generator(8))
    assert (among_pieces >= alone).all() and (among_pieces > alone).any()


def test_binarising_follows_the_grey_values():
    n = 20_000
    for grey in (0, 1, 100, 254, 255):
        pixels = compose.binarise(np.full(n, grey, np.uint8), generator(grey))
        p = grey / 255
        assert pixels.dtype == np.uint8 and set(np.unique(pixels)) <= {0, 1}
        assert abs(pixels.mean() - p) <= 5 * np.sqrt(p * (1 - p) / n)
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert compose.binarise(ramp, generator(1)).shape == ramp.shape
    assert not np.array_equal(compose.binarise(ramp, generator(1)), compose.binarise(ramp, generator(2)))


@pytest.mark.parametrize("make", [compose.cluttered, compose.two_digits])
def test_other_images_are_refused(make):
    small = np.zeros((2, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match=r"(digits|first).*uint8.*\(2, 8, 8, 1\)"):
        make(small, black(2), generator())
    with pytest.raises(ValueError, match=r"sources.*float32.*\(2, 28, 28, 1\)"):
        make(black(2), black(2).astype(np.float32), generator())
    with pytest.raises(ValueError, match="sources"):
        make(black(2), black(0), generator())
