"""Boxes that are not x, y, width, height in pixels, but corners or fractions of the image."""

from collections.abc import Sequence

import numpy as np

from imbdet.annotations.corner_boxes import MARGIN, share_that_leaves
from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import are_numbers, as_number
from imbdet.annotations.fixes.options import FixOptions

Size = tuple[int, int]


def fix_box_format(annotations: Sequence[tuple[dict, Size]], options: FixOptions, log: FixLog) -> None:
    """Convert all boxes to x, y, width, height in pixels, as the options say; ask if the boxes look like something else.

    Numbers as text become numbers.

    Args:
        annotations: Entries, changed in place, with width and height of their image.
        options: Decisions.
        log: The record of changes.
    """
    for annotation, _ in annotations:
        _fix_text(annotation, log)
    boxed = [(annotation, size) for annotation, size in annotations if are_numbers(annotation.get('bbox'), 4)]
    entries = [annotation for annotation, _ in boxed]
    if options.boxes is None:
        looks = _looks_like([(annotation['bbox'], size) for annotation, size in boxed])
        if looks:
            log.ask(f'boxes look like {looks}. xywh: they are x, y, width, height in pixels; xyxy: they are x1, y1, x2, y2; '
                    'relative: they are x, y, width, height as fractions of the image', '--boxes xywh|xyxy|relative', entries)
    elif options.boxes == 'xyxy':
        log.ask('x2 < x1 or y2 < y1, so the boxes are not x1, y1, x2, y2; leave out --boxes xyxy, or correct them', None,
                [entry for entry in entries if not _may_be_corners(entry['bbox'])])
        for entry in entries:
            x1, y1, x2, y2 = entry['bbox']
            entry['bbox'] = [x1, y1, x2 - x1, y2 - y1]
            log.change('box converted from x1, y1, x2, y2', entry)
    elif options.boxes == 'relative':
        log.ask('values outside [0, 1], so the boxes are not fractions of the image; leave out --boxes relative, or correct '
                    'them', None, [entry for entry in entries if not _is_relative(entry['bbox'])])
        for entry, (width, height) in boxed:
            x, y, box_width, box_height = entry['bbox']
            entry['bbox'] = [x * width, y * height, box_width * width, box_height * height]
            _scale_polygons(entry, width, height)
            log.change_box('box converted from fractions of the image', entry)


def _fix_text(annotation: dict, log: FixLog) -> None:
    box = annotation.get('bbox')
    if isinstance(box, list) and any(isinstance(value, str) for value in box):
        numbers = [as_number(value) for value in box]
        if None not in numbers:
            annotation['bbox'] = numbers
            log.change('box with numbers as text: made numbers', annotation)


def _looks_like(boxes: list[tuple[list[float], Size]]) -> str | None:
    if not boxes:
        return None
    if all(_is_relative(box) for box, _ in boxes):
        return 'fractions of the image'
    numbers, sizes = (np.array(values, dtype=float) for values in zip(*boxes, strict=True))
    share = share_that_leaves(numbers, sizes)
    return None if share is None else 'x1, y1, x2, y2'


def _is_relative(box: list[float]) -> bool:
    return all(1 - MARGIN <= value <= MARGIN for value in box)


def _may_be_corners(box: list[float]) -> bool:
    return box[2] >= box[0] and box[3] >= box[1]


def _scale_polygons(annotation: dict, width: int, height: int) -> None:
    """Scale polygons that are fractions of the image, too."""
    polygons = annotation.get('segmentation')
    if isinstance(polygons, list) and all(are_numbers(polygon) and _is_relative(polygon) for polygon in polygons):
        annotation['segmentation'] = [[value * (width, height)[index % 2] for index, value in enumerate(polygon)]
                                      for polygon in polygons]
