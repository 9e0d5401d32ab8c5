"""Label files of the YOLO format."""

from pathlib import Path

from imbdet.annotations.formats.coco_entries import Label
from imbdet.annotations.reader import AnnotationError

TOLERANCE = 0.01
"""How far coordinates may lie outside [0, 1], as they do after rounding."""


def read_labels(path: Path, num_classes: int, width: int, height: int) -> tuple[list[Label], list[str]]:
    """Read a label file.

    Each line is ``class cx cy w h``, a box by its center, or ``class x1 y1 x2 y2 x3 y3 ...``, a polygon of three points or
    more, such as an oriented box by its four corners. All are fractions of the image's width and height.

    Args:
        path: The file. If it is missing or empty, the image has no objects.
        num_classes: Number of classes; a class is in [0, num_classes).
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        The objects, and where a line exactly repeats an earlier one, which is not among them again.

    Raises:
        AnnotationError: If a line is wrong; the message names the file and the line.
    """
    if not path.is_file():
        return [], []
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise AnnotationError(f'{path} is not a text file: {error}') from error
    labels, repeated, seen = [], [], set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = _numbers(line, num_classes)
        except ValueError as error:
            raise AnnotationError(f'{path}, line {number}: {error}') from None
        if values in seen:
            repeated.append(f'{path}, line {number}')
        else:
            seen.add(values)
            labels.append(_to_label(values, width, height))
    return labels, repeated


def _numbers(line: str, num_classes: int) -> tuple[float, ...]:
    """Return class and coordinates of a line, or raise ValueError with what is wrong."""
    values = tuple(map(float, line.split()))
    label, coordinates = values[0], values[1:]
    if len(values) == 6:
        raise ValueError('6 values, as in predictions, whose last is a confidence; labels are class cx cy w h')
    if len(values) < 5 or len(values) % 2 == 0:
        raise ValueError(f'must be class cx cy w h, or class x1 y1 x2 y2 x3 y3 ..., got {len(values)} values')
    if label not in range(num_classes):
        raise ValueError(f'class must be a whole number in [0, {num_classes - 1}], as there are {num_classes} names, '
                         f'got {label:g}')
    wrong = [value for value in coordinates if not -TOLERANCE <= value <= 1 + TOLERANCE]  # NaN is in no range
    if wrong:
        raise ValueError(f'coordinates must be fractions of the image in [0, 1], got {wrong[0]:g}')
    if len(values) == 5 and min(coordinates[2:]) < 0:
        raise ValueError(f'width and height must not be negative, got {min(coordinates[2:]):g}')
    return values


def _to_label(values: tuple[float, ...], width: int, height: int) -> Label:
    """Convert fractions of the image to pixels."""
    label, coordinates = int(values[0]), values[1:]
    if len(coordinates) == 4:
        x, y, w, h = coordinates
        return Label(label, ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height))
    polygon = [value * side for x, y in zip(coordinates[0::2], coordinates[1::2], strict=True)
               for value, side in ((x, width), (y, height))]
    left, top, right, bottom = min(polygon[0::2]), min(polygon[1::2]), max(polygon[0::2]), max(polygon[1::2])
    return Label(label, (left, top, right - left, bottom - top), polygon)
