"""An embedding without a network: color and texture of an image."""

import cv2
import numpy as np

COLOR_BINS = 16
SCALES = (1, 2, 4)
NEIGHBORS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
LENGTH = 3 * COLOR_BINS + 10 * len(SCALES)


def color_texture(image: np.ndarray) -> np.ndarray:
    """Describe an image by its colors and textures.

    Histograms of the three channels of CIE L*a*b*, each value shared between its two nearest bins, and of uniform local
    binary patterns of the lightness at full, half and quarter size (Ojala et al. 2002). Of each histogram the square root is
    taken, so that products of descriptions are Bhattacharyya coefficients, and it is no matter how large the image is.

    Args:
        image: RGB, shape (height, width, 3), uint8, at least 12 pixels high and wide.

    Returns:
        Shape (78,), float32, of length 1.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    parts = [_histogram(lab[..., channel]) for channel in range(3)]
    for scale in SCALES:
        small = cv2.resize(lab[..., 0], None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        parts.append(_binary_patterns(small))
    return np.sqrt(np.concatenate(parts) / len(parts)).astype(np.float32)


def _histogram(channel: np.ndarray) -> np.ndarray:
    """Share of the pixels in each of 16 bins, linearly divided between neighbors."""
    counts = np.bincount(channel.ravel(), minlength=256)
    places = np.arange(256) * ((COLOR_BINS - 1) / 255)
    lower = places.astype(int).clip(max=COLOR_BINS - 2)
    upper_share = places - lower
    histogram = (np.bincount(lower, counts * (1 - upper_share), COLOR_BINS)
                 + np.bincount(lower + 1, counts * upper_share, COLOR_BINS))
    return histogram / channel.size


def _binary_patterns(lightness: np.ndarray) -> np.ndarray:
    """Share of the pixels with each number of lighter neighbors; last those whose neighbors change more than twice."""
    inner = lightness[1:-1, 1:-1]
    rows, columns = inner.shape
    lighter = np.stack([lightness[1 + y:1 + y + rows, 1 + x:1 + x + columns] >= inner for y, x in NEIGHBORS])
    changes = (lighter != np.roll(lighter, 1, axis=0)).sum(0)
    patterns = np.where(changes <= 2, lighter.sum(0), 9)
    return np.bincount(patterns.ravel(), minlength=10) / patterns.size
