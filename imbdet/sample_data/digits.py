"""Handwritten digits: training and validation scans, and conversion of scans to annotated objects."""

from typing import NamedTuple

import cv2
import numpy as np
from sklearn.datasets import load_digits

VALIDATION_SHARE = 0.3


class DigitScans(NamedTuple):
    """Scans of each digit, 8 x 8, float32 in [0, 1], one array (n, 8, 8) per digit."""

    train: list[np.ndarray]
    val: list[np.ndarray]


def split_scans(rng: np.random.Generator) -> DigitScans:
    """Split scikit-learn's 1,797 scans so that no scan is in both splits.

    Args:
        rng: Random generator.

    Returns:
        The scans of each digit; 30 % are held out for validation.
    """
    data = load_digits()
    scans = (data.images / 16).astype(np.float32)
    train, val = [], []
    for digit in range(10):
        chosen = rng.permutation(np.flatnonzero(data.target == digit))
        held_out = round(VALIDATION_SHARE * len(chosen))
        val.append(scans[chosen[:held_out]])
        train.append(scans[chosen[held_out:]])
    return DigitScans(train, val)


def enlarge_scan(scan: np.ndarray, size: int) -> np.ndarray:
    """Crop a scan to its digit and enlarge it.

    Args:
        scan: Ink in [0, 1], shape (8, 8).
        size: Height of the digit in pixels.

    Returns:
        Opacity of the ink, shape (size, width), float32 in [0, 1], cropped to the digit.
    """
    rows, columns = np.flatnonzero(scan.max(1) > 0.2), np.flatnonzero(scan.max(0) > 0.2)
    ink = scan[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    width = max(round(size * ink.shape[1] / ink.shape[0]), 8)
    ink = cv2.resize(ink, (width, size), interpolation=cv2.INTER_CUBIC)
    return np.clip((ink - 0.25) / 0.4, 0, 1)


def trace_annotation(opacity: np.ndarray, x: int, y: int) -> tuple[list[list[float]], list[float], float]:
    """Trace a pasted digit to get its annotation.

    Args:
        opacity: Opacity of the ink, shape (height, width), in [0, 1].
        x: Left edge in the image, in pixels.
        y: Upper edge in the image, in pixels.

    Returns:
        COCO polygons, box [x, y, width, height] and area in pixels, where the opacity is at least 0.5.
    """
    mask = np.pad((opacity >= 0.5).astype(np.uint8), 1)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contours = [contour for contour in contours if len(contour) > 2]  # one or two pixels do not form a polygon
    mask = mask & cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED).astype(np.uint8)
    polygons = [(contour[:, 0] - 1 + [x, y]).astype(float).ravel().tolist() for contour in contours]
    rows, columns = np.flatnonzero(mask.max(1)) - 1, np.flatnonzero(mask.max(0)) - 1
    box = [float(x + columns[0]), float(y + rows[0]), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)]
    return polygons, box, float(mask.sum())
