"""XML files of the PASCAL VOC format."""

import math
from pathlib import Path
from typing import NamedTuple, NoReturn
from xml.etree import ElementTree

from imbdet.annotations.reader import AnnotationError

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


class VocObject(NamedTuple):
    """An object of an image.

    Attributes:
        name: Name of its class.
        corners: xmin, ymin, xmax and ymax as mmdet reads them: whole pixels, from 0.
        is_difficult: Whether it is marked as difficult, so that it is no object to train on.
    """

    name: str
    corners: tuple[int, int, int, int]
    is_difficult: bool


class VocLabels(NamedTuple):
    """Content of an XML file.

    Attributes:
        size: Width and height in pixels; None if one is missing or not a positive number.
        objects: The objects.
    """

    size: tuple[int, int] | None
    objects: list[VocObject]


def read_xml(path: Path) -> VocLabels:
    """Read the labels of an image. Parts of objects, such as the head of a person, are not objects.

    VOC counts pixels from 1. Like mmdet's ``XMLDataset``, this cuts off decimals and subtracts 1 from all corners.

    Args:
        path: The file.

    Returns:
        Its labels.

    Raises:
        AnnotationError: If it is not XML, has a document type, which labels do not need and which may expand to any size, or
            an object has no name or no box; the message names the file and the object.
    """
    try:
        root = ElementTree.parse(path, ElementTree.XMLParser(target=_NoDoctype())).getroot()
        objects = [_object(element, number) for number, element in enumerate(root.findall('object'), start=1)]
    except (ElementTree.ParseError, LookupError) as error:  # LookupError: an encoding that Python does not know
        raise AnnotationError(f'{path} is not XML: {error}') from error
    except ValueError as error:
        raise AnnotationError(f'{path}: {error}') from None
    width, height = (_number(root.findtext(f'size/{key}')) for key in ('width', 'height'))
    return VocLabels((int(width), int(height)) if width >= 1 and height >= 1 else None, objects)


class _NoDoctype(ElementTree.TreeBuilder):
    """A builder that refuses entities: their declarations are in the document type, which comes first."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ValueError(f'the document type {name!r} is refused; remove the line <!DOCTYPE ...>')


def _object(element: ElementTree.Element, number: int) -> VocObject:
    name = (element.findtext('name') or '').strip()
    if not name:
        raise ValueError(f'object {number} has no name')
    corners = [_number(element.findtext(f'bndbox/{key}')) for key in CORNERS]
    if not all(map(math.isfinite, corners)):
        wrong = CORNERS[next(index for index, value in enumerate(corners) if not math.isfinite(value))]
        raise ValueError(f'object {number} ({name}) has no number as {wrong} of its bndbox')
    xmin, ymin, xmax, ymax = (int(value) - 1 for value in corners)
    difficult = element.findtext('difficult', '0').strip()
    if difficult not in ('0', '1'):
        raise ValueError(f'object {number} ({name}): difficult must be 0 or 1, got {difficult!r}')
    return VocObject(name, (xmin, ymin, xmax, ymax), difficult == '1')


def _number(text: str | None) -> float:
    """Convert to a number; NaN if there is none."""
    try:
        return float(text or 'nan')
    except ValueError:
        return math.nan
