"""Masks of annotations: polygons and run lengths, and what makes one unusable."""

import math
from typing import Any

MIN_VALUES = 6
"""Values of a polygon: x and y of three points."""
NUMBERS = {int, float}
TOO_SHORT = 'have a polygon of fewer than three points'
"""The one fault that does no harm next to usable polygons."""


def mask_fault(segmentation: Any, width: float, height: float) -> str | None:
    """Find out whether evaluation libraries and mmdet can use the mask of an annotation, and all take it for the same.

    Usable are polygons, lists of x1, y1, x2, y2, ... in pixels that lie within one image size around the image, and run
    lengths of the size of the image. Polygons of fewer than three points next to others do not matter.

    Args:
        segmentation: Value of the key ``segmentation``; None if it is missing.
        width: Width of the image.
        height: Height of the image.

    Returns:
        What is wrong, as the end of a sentence about annotations; None for a usable mask.
    """
    if segmentation is None or segmentation == [] or segmentation == {}:
        return 'have no mask'
    if isinstance(segmentation, dict):
        return _run_length_fault(segmentation, width, height)
    if not isinstance(segmentation, list):
        return 'have a mask that is neither a list of polygons nor run lengths'
    if set(map(type, segmentation)) <= NUMBERS:
        return 'have a list of numbers for a mask, which must be a list of polygons'
    faults = [polygon_fault(polygon, width, height) for polygon in segmentation]
    harmful = next((fault for fault in faults if fault not in (None, TOO_SHORT)), None)
    return harmful or (TOO_SHORT if all(faults) else None)


def polygon_fault(polygon: Any, width: float, height: float) -> str | None:
    """Find out whether a polygon is usable, see :func:`mask_fault`.

    Args:
        polygon: A list x1, y1, x2, y2, ...
        width: Width of the image.
        height: Height of the image.

    Returns:
        What is wrong, as the end of a sentence about annotations; None for a usable polygon.
    """
    if not isinstance(polygon, list) or not set(map(type, polygon)) <= NUMBERS:
        return 'have a polygon that is not a list of numbers'
    if len(polygon) % 2:
        return 'have a polygon of an odd number of values'
    if len(polygon) < MIN_VALUES:
        return TOO_SHORT
    if not all(map(math.isfinite, polygon)):
        return 'have a polygon with NaN or infinity'
    x, y = polygon[::2], polygon[1::2]
    if min(x) < -width or max(x) > 2 * width or min(y) < -height or max(y) > 2 * height:
        return 'have a polygon that lies more than one image size outside the image'
    return None


def usable_polygons(segmentation: list) -> list:
    """Leave out polygons of fewer than three points, which pycocotools takes for boxes.

    Args:
        segmentation: Polygons of a usable mask.
    """
    return [polygon for polygon in segmentation if len(polygon) >= MIN_VALUES]


def _run_length_fault(mask: dict, width: float, height: float) -> str | None:
    size, counts = mask.get('size'), mask.get('counts')
    if not isinstance(size, list) or set(map(type, size)) != {int}:
        return 'have run lengths whose size is not two integers'
    if size != [round(height), round(width)]:
        return 'have run lengths of another size than their image'
    if isinstance(counts, (str, bytes)):
        counts = decode_run_lengths(counts)
    is_list = isinstance(counts, list) and all(isinstance(count, int) and count >= 0 for count in counts)
    return None if is_list and sum(counts or ()) == size[0] * size[1] else 'have run lengths that do not cover their image'


def decode_run_lengths(text: str | bytes) -> list[int] | None:
    """Decode compressed run lengths: six bits per character, of which five are a number's, as in COCO's maskApi.

    Args:
        text: The ``counts`` of a mask.

    Returns:
        Lengths of runs of 0 and 1 in turn; None if the text is no such code.
    """
    counts: list[int] = []
    value = shift = 0
    for code in text.encode() if isinstance(text, str) else text:
        code -= 48
        if not 0 <= code < 64 or shift > 60:
            return None
        value |= (code & 31) << shift
        shift += 5
        if code & 32:  # the number continues
            continue
        if code & 16:  # negative
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))  # later ones are differences to the last but one
        value = shift = 0
    return counts if shift == 0 else None
