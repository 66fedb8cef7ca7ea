"""Where the points of one image are in another: by optical flow, through a morph between the two, by SIFT descriptors.

Images here are uint8 [height, width]: see `contrast`. A point is (x, y) in pixels; the centre of the first pixel is
(0, 0), as in OpenCV. A flow is float32 [height, width, 2]: how far right and down what is seen at a pixel moves.
"""

from collections.abc import Callable

import numpy as np

ENLARGED = 2  # times: in DIS's patches of 8x8 pixels there is at 64x64 a leg and much behind it
SIFT_SIZE = 16  # pixels under a descriptor, of 64


def contrast(rgba: np.ndarray) -> np.ndarray:
    """What flow and descriptors see: half the luminance, half the mask, so that any chair stands out from behind it.

    Args:
        rgba: uint8 [..., height, width, 4], the colour on black.

    Returns: uint8 [..., height, width].
    """
    luminance = rgba[..., :3] @ np.array([0.299, 0.587, 0.114], "float32")  # of ITU-R BT.601
    return np.rint((luminance + rgba[..., 3]) / 2).astype("uint8")


def deep_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The flow from `first` to `second` by DeepFlow (Weinzaepfel et al. 2013), which the paper uses."""
    import cv2

    return _of_enlarged(cv2.optflow.createOptFlow_DeepFlow(), first, second)


def dis_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The same by DIS (Kroeger et al. 2016), which is much faster."""
    import cv2

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    return _of_enlarged(dis, first, second)


def _of_enlarged(algorithm, first, second):
    import cv2

    height, width = first.shape
    size = (ENLARGED * width, ENLARGED * height)
    large = [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in (first, second)]
    return cv2.resize(algorithm.calc(*large, None), (width, height), interpolation=cv2.INTER_AREA) / ENLARGED


def at(flow: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The flow at points [n, 2], between pixels bilinearly; outside the image that of the nearest pixel. [n, 2]."""
    from scipy import ndimage

    x, y = np.asarray(points, "float32").reshape(-1, 2).T
    # Not cv2.remap, which rounds places to a 32nd of a pixel: a track adds sixty of them.
    return np.stack(
        [ndimage.map_coordinates(part, [y, x], order=1, mode="nearest") for part in np.moveaxis(flow, 2, 0)], axis=-1
    )


def concatenate(flows: list[np.ndarray]) -> np.ndarray:
    """Flows from each frame to the next -> the flow from the first frame to the last, [height, width, 2]."""
    height, width = flows[0].shape[:2]
    start = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype("float32")
    moved = start.copy()
    for step in flows:
        moved += at(step, moved).reshape(moved.shape)
    return moved - start


def track(
    frames: np.ndarray, points: np.ndarray, flow: Callable[[np.ndarray, np.ndarray], np.ndarray] = deep_flow
) -> np.ndarray:
    """Where points of the first frame are in each frame.

    Args:
        frames: uint8 [frames, height, width].
        points: [n, 2] in the first.
        flow: function of two frames, as `deep_flow`.

    Returns: float32 [frames, n, 2].
    """
    tracks = [np.asarray(points, "float32").reshape(-1, 2)]
    for first, second in zip(frames[:-1], frames[1:], strict=True):
        tracks.append(tracks[-1] + at(flow(first, second), tracks[-1]))
    return np.stack(tracks)


def sift_matches(first: np.ndarray, second: np.ndarray, points: np.ndarray, second_mask: np.ndarray) -> np.ndarray:
    """The pixel of `second` in its mask whose SIFT descriptor is nearest to that of each point of `first`.

    Descriptors are upright and of one size: views and chairs are neither rotated nor zoomed.

    Args:
        first, second: uint8 [height, width].
        points: [n, 2] in `first`.
        second_mask: bool [height, width], with one pixel at least.

    Returns: float32 [n, 2].
    """
    rows, columns = np.nonzero(second_mask)
    candidates = np.stack([columns, rows], axis=-1).astype("float32")
    wanted, offered = descriptors(first, points), descriptors(second, candidates)
    distances = np.square(wanted).sum(1)[:, None] - 2 * wanted @ offered.T + np.square(offered).sum(1)
    return candidates[distances.argmin(1)]


def descriptors(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """SIFT descriptors at points [n, 2], float32 [n, 128]."""
    import cv2

    size = SIFT_SIZE * image.shape[0] / 64
    # SIFT's descriptor is 4x4 histograms, each as wide as 1.5 times a key point's diameter.
    wide = [cv2.KeyPoint(float(x), float(y), size / 6.0, 0.0) for x, y in np.asarray(points).reshape(-1, 2)]
    computed, vectors = cv2.SIFT_create().compute(image, wide)
    if len(computed) != len(wide):
        raise RuntimeError(f"a descriptor was wanted at each of {len(wide)} points. Received: {len(computed)}")
    return vectors


def errors(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Euclidean distances in pixels of points [..., 2], [...]."""
    return np.linalg.norm(np.asarray(predicted, "float64") - np.asarray(true, "float64"), axis=-1)
