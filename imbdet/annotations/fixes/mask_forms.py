"""Masks in other forms than COCO's: points, text, run lengths that are no integers."""

import ast
import json
import re
from collections.abc import Iterable
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import are_numbers, as_integer, as_number


def convert_masks(annotations: Iterable[dict], log: FixLog) -> None:
    """Convert masks that can be read to COCO's two forms: a list of polygons x1, y1, x2, y2, ..., or run lengths.

    What cannot be read stays as it is.

    Args:
        annotations: Entries, changed in place.
        log: The record of changes.
    """
    for annotation in annotations:
        mask = annotation.get('segmentation')
        if isinstance(mask, str):
            mask = _parsed(mask)
            _record(annotation, mask, 'mask as JSON text: read', log)
        if isinstance(mask, list) and len(mask) == 1 and isinstance(mask[0], dict):
            mask = mask[0]
            _record(annotation, mask, 'run lengths in a list of one: taken out of it', log)
        if isinstance(mask, dict):
            _record(annotation, _run_lengths(mask), 'run lengths of another form: made integers or text', log)
        elif isinstance(mask, list) and not _are_polygons(mask):
            _convert_polygons(annotation, mask, log)


def _are_polygons(mask: list) -> bool:
    """Return whether nothing is to be converted; by types alone, because masks are most of a file."""
    are_lists = all(isinstance(polygon, list) and set(map(type, polygon)) <= {int, float} for polygon in mask)
    return are_lists and not _is_points(mask)


def _convert_polygons(annotation: dict, mask: list, log: FixLog) -> None:
    numbers = _numbers(mask)
    _record(annotation, numbers, 'polygon with numbers as text: made numbers', log)
    flat = [_flat(polygon) for polygon in ([numbers] if _is_points(numbers) else numbers)]
    _record(annotation, flat, 'polygon of points [x, y]: made x1, y1, x2, y2, ...', log)
    if are_numbers(flat):
        _record(annotation, [flat], 'polygon put into a list of polygons', log)


def _record(annotation: dict, mask: Any, kind: str, log: FixLog) -> None:
    if repr(mask) != repr(annotation['segmentation']):  # 1.0 and 1 are equal
        annotation['segmentation'] = mask
        log.change(kind, annotation)


def _parsed(text: str) -> Any:
    """Parse JSON text of a list or object; other text stays."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, (list, dict)) else text


def _run_lengths(mask: dict[str, Any]) -> dict[str, Any]:
    converted = {key: _integers(mask[key]) for key in ('size', 'counts') if isinstance(mask.get(key), list)}
    counts = converted.get('counts', mask.get('counts'))
    if isinstance(counts, list) and len(counts) == 1 and isinstance(counts[0], str):
        counts = counts[0]
    # What str() makes of bytes; compressed counts have no quotes.
    if isinstance(counts, str) and re.fullmatch(r"b'[^']*'", counts) and counts.isascii():
        counts = _unquoted(counts)
    return {**mask, **converted, **({'counts': counts} if 'counts' in mask else {})}


def _unquoted(text: str) -> str:
    try:
        return ast.literal_eval(text).decode('ascii')
    except (ValueError, SyntaxError):
        return text


def _integers(values: list) -> list:
    """Convert whole floats and text of integers; a list of other values stays."""
    integers = [as_integer(value) for value in values]
    return values if None in integers else integers


def _numbers(value: Any) -> Any:
    """Convert lists of numbers as text, in lists of any depth; a list with other text stays."""
    if not isinstance(value, list) or are_numbers(value):
        return value
    numbers = [as_number(item) for item in value]
    return [_numbers(item) for item in value] if None in numbers else numbers


def _is_points(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 3 and all(are_numbers(point, 2) for point in value)


def _flat(polygon: Any) -> Any:
    return [coordinate for point in polygon for coordinate in point] if _is_points(polygon) else polygon
