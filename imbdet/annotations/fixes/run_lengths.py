"""COCO's run-length masks."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def decode(segmentation: dict[str, Any]) -> np.ndarray:
    """Decode a run-length mask without a fault.

    Args:
        segmentation: ``size`` and ``counts``.

    Returns:
        The mask, shape (height, width), uint8.
    """
    return coco_mask.decode(compressed(segmentation))


def encode(mask: np.ndarray) -> dict[str, Any]:
    """Encode a mask, shape (height, width), as compressed run lengths, with text that JSON can hold."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {'size': [int(side) for side in encoded['size']], 'counts': encoded['counts'].decode()}


def compressed(segmentation: dict[str, Any]) -> dict[str, Any]:
    """Return a run-length mask without a fault as pycocotools wants it."""
    if isinstance(segmentation['counts'], list):
        return coco_mask.frPyObjects(segmentation, *segmentation['size'])
    return segmentation
