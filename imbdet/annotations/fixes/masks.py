"""Masks: polygons and run lengths."""

from collections.abc import Iterable
from typing import Any

from pycocotools import mask as coco_mask

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.run_lengths import compressed
from imbdet.annotations.masks import mask_fault, polygon_fault

Size = tuple[int, int]


def fix_masks(annotations: Iterable[tuple[dict, Size]], log: FixLog) -> None:
    """Remove polygons and run lengths that no mask can be made from; ``segmentation`` goes if nothing of it is left.

    A polygon needs three points or more, and its coordinates must be within one image size of the image.

    Args:
        annotations: Entries, changed in place, with width and height of their image.
        log: The record of changes.
    """
    for annotation, size in annotations:
        if 'segmentation' not in annotation:
            continue
        fault = _fix_segmentation(annotation, annotation['segmentation'], size, log)
        if fault:
            del annotation['segmentation']
            log.change(fault, annotation)


def fill_masks(annotations: Iterable[dict], log: FixLog) -> None:
    """Give annotations without a mask their box as one.

    Args:
        annotations: Entries, changed in place; their boxes are without faults.
        log: The record of changes.
    """
    for annotation in annotations:
        if 'segmentation' not in annotation:
            x, y, width, height = annotation['bbox']
            annotation['segmentation'] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
            log.change('no mask: the box became one', annotation)


def mask_box(segmentation: Any) -> list[float]:
    """Return the box x, y, width, height around a mask without a fault.

    Args:
        segmentation: Polygons or run lengths.
    """
    if isinstance(segmentation, dict):
        return coco_mask.toBbox(compressed(segmentation)).tolist()
    x, y = ([value for polygon in segmentation for value in polygon[axis::2]] for axis in (0, 1))
    return [min(x), min(y), max(x) - min(x), max(y) - min(y)]


def mask_area(segmentation: Any, size: Size) -> float:
    """Return the number of pixels of a mask without a fault.

    Args:
        segmentation: Polygons or run lengths.
        size: Width and height of the image.
    """
    if isinstance(segmentation, dict):
        return float(coco_mask.area(compressed(segmentation)))
    parts = coco_mask.frPyObjects(segmentation, size[1], size[0])
    return float(coco_mask.area(coco_mask.merge(parts)))


def _fix_segmentation(annotation: dict, segmentation: Any, size: Size, log: FixLog) -> str | None:
    """Remove polygons with faults; return why nothing is left, or None."""
    if not segmentation:
        return 'empty segmentation removed'
    if not isinstance(segmentation, list):
        fault = mask_fault(segmentation, *size)
        return fault and f'mask removed: {_short(fault)}'
    faults = [polygon_fault(polygon, *size) for polygon in segmentation]
    kept = [polygon for polygon, fault in zip(segmentation, faults, strict=True) if fault is None]
    if not kept:
        return f'mask removed: {_short(next(filter(None, faults)))}'
    if len(kept) < len(segmentation):
        annotation['segmentation'] = kept
        for fault in dict.fromkeys(filter(None, faults)):
            log.change(f'polygon removed: {_short(fault)}', annotation)
    return None


def _short(fault: str) -> str:
    return fault.removeprefix('have ')  # faults are the end of a sentence about annotations
