"""Boxes in pixels, and areas."""

from collections.abc import Sequence
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import are_numbers, as_number, is_number
from imbdet.annotations.fixes.masks import mask_area, mask_box

Size = tuple[int, int]
ROUNDING = 0.01
"""Pixels by which labels of six decimals, such as YOLO's, leave images of up to 10,000 pixels."""


def fix_boxes(content: dict[str, Any], annotations: Sequence[tuple[dict, Size]], log: FixLog) -> None:
    """Clip boxes to their image, take unusable ones from the mask, and remove annotations that are left without a box.

    mmdet drops boxes outside their image, and those less than a pixel wide or high.

    Args:
        content: Content of the file, changed in place.
        annotations: Its annotations with width and height of their image; masks are without faults.
        log: The record of changes.
    """
    faults = {}
    for annotation, size in annotations:
        fault = _unusable(annotation.get('bbox'))
        if fault and 'segmentation' in annotation:
            annotation['bbox'] = mask_box(annotation['segmentation'])
            log.change(f'{fault}: taken from the mask', annotation)
            fault = _unusable(annotation['bbox'])  # a mask may be a line
        if fault:
            fault += ', and no mask to take it from' if 'segmentation' not in annotation else ''
        else:
            fault = _clip_to_image(annotation, size, log)
        if fault:
            faults[id(annotation)] = fault
    for kind in dict.fromkeys(faults.values()):
        _remove(content, faults, kind, log)


def fix_areas(annotations: Sequence[tuple[dict, Size]], log: FixLog) -> None:
    """Compute areas that are missing or wrong: the pixels of the mask, or width x height of the box.

    An area is wrong if it is no positive number, larger than the box or, without a mask, another than that of the box. For all
    this, sides of the box may differ by a pixel.

    Args:
        annotations: Entries, changed in place, with width and height of their image; boxes and masks are without faults.
        log: The record of changes.
    """
    for annotation, size in annotations:
        old = as_number(annotation.get('area'))
        is_new = log.has_new_box(annotation)
        if old is not None and not is_new and _is_right(old, annotation):
            if not is_number(annotation['area']):
                annotation['area'] = old
                log.change('area as text: made a number', annotation)
            continue
        kind = f'{"missing" if annotation.get("area") is None else "wrong"} area: computed'
        width, height = annotation['bbox'][2:]
        area = mask_area(annotation['segmentation'], size) if 'segmentation' in annotation else 0
        # A mask thinner than a pixel has no area, and one that is larger than the box is of something else.
        annotation['area'] = area if _is_right(area, annotation) else width * height
        log.change('area computed for the changed box' if is_new else kind, annotation)


def _remove(content: dict[str, Any], faults: dict[int, str], kind: str, log: FixLog) -> None:
    log.remove(content, 'annotations', kind, lambda annotation: faults.get(id(annotation)) == kind)


def _unusable(box: Any) -> str | None:
    """Return why there is no box at all, or None."""
    if box is None:
        return 'no bbox'
    if not are_numbers(box, 4):
        return 'bbox is not four finite numbers'
    return 'box without width or height' if box[2] <= 0 or box[3] <= 0 else None


def _clip_to_image(annotation: dict, size: Size, log: FixLog) -> str | None:
    """Clip a box; return what is wrong with it if nothing remains."""
    x, y, width, height = annotation['bbox']
    if x >= size[0] or y >= size[1] or x + width <= 0 or y + height <= 0:
        return 'box outside its image'
    (x, width), (y, height) = _clip(x, width, size[0]), _clip(y, height, size[1])
    if width < 1 or height < 1:
        return 'box less than a pixel wide or high in its image'
    if [x, y, width, height] != annotation['bbox']:
        annotation['bbox'] = [x, y, width, height]
        log.change_box('box clipped to its image', annotation)
    return None


def _clip(start: float, length: float, side: int) -> tuple[float, float]:
    """Clip an interval to [0, side]; one inside, or outside by rounding alone, stays exactly as it is."""
    if start < -ROUNDING:
        start, length = 0, length + start
    return start, side - start if start + length > side + ROUNDING else length


def _is_right(area: float, annotation: dict) -> bool:
    width, height = annotation['bbox'][2:]
    tolerance = width + height + 1  # both sides longer by a pixel
    low = 0 if 'segmentation' in annotation else width * height - tolerance
    return area > 0 and low <= area <= width * height + tolerance
