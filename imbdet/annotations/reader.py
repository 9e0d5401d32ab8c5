"""Typed reader of COCO and LVIS annotation files, which skips the polygons."""

import codecs
import json
from pathlib import Path
from typing import Annotated

import msgspec

from imbdet.annotations.lenient import as_mmdet_takes

Integer = Annotated[int, msgspec.Meta(ge=-2**63, le=2**63 - 1)]
"""An id that fits into an int64 array."""


class AnnotationError(ValueError):
    """An annotation file that cannot be trained on or evaluated against as it is."""


class AnnotationWarning(UserWarning):
    """What was left out or read differently than a user may expect, in a data set that can be used."""


class Image(msgspec.Struct, gc=False):
    """An entry of ``images``; keys that are missing in a file are None."""

    id: Integer | str
    width: float | None = None
    height: float | None = None
    file_name: str | None = None
    coco_url: str | None = None
    neg_category_ids: list[Integer] | None = None
    not_exhaustive_category_ids: list[Integer] | None = None


class Annotation(msgspec.Struct, gc=False):
    """An entry of ``annotations``; keys that are missing in a file are None."""

    id: Integer | str
    image_id: Integer | str
    category_id: Integer
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: int | bool | None = False
    ignore: int | bool | None = False

    @property
    def is_ignored(self) -> bool:
        """Whether it is a crowd or an ignored box, which is not an object to train on."""
        return bool(self.iscrowd or self.ignore)


class Category(msgspec.Struct, gc=False):
    """An entry of ``categories``; the last three are LVIS's."""

    id: Integer
    name: str
    frequency: str | None = None
    image_count: int | None = None
    instance_count: int | None = None


class AnnotationFile(msgspec.Struct, kw_only=True):
    """The part of a COCO or LVIS annotation file that imbdet reads; a file for testing alone has no ``annotations``."""

    images: list[Image]
    annotations: list[Annotation] = msgspec.field(default_factory=list)
    categories: list[Category]


class _CategoryList(msgspec.Struct):
    categories: list[Category]


def load_categories(path: str | Path) -> list[Category]:
    """Read the categories of an annotation file alone, which is faster than :func:`load_annotations`.

    Args:
        path: A JSON file with the list ``categories``.

    Returns:
        The categories, in the file's order.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is not JSON, or has no such list.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=_CategoryList).categories
    except (msgspec.DecodeError, RecursionError):  # such as NaN, which Python's parser accepts
        return load_annotations(path).categories


def load_annotations(path: str | Path) -> AnnotationFile:
    """Read a COCO, LVIS or panoptic annotation file.

    What mmdet takes is taken: no ``annotations``, NaN and Infinity, whole floats as ids, and any value in keys that mmdet does
    not look at. The segments of a panoptic file are its annotations, numbered anew.

    Args:
        path: A JSON file with the lists ``images``, ``categories`` and, unless it is for testing alone, ``annotations``.

    Returns:
        Its content without the polygons.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is not JSON, a list or an ``id``, ``image_id``, ``category_id`` or ``name`` is missing, or
            a value has the wrong type.
    """
    path = Path(path)
    if path.is_dir():
        raise AnnotationError(f"{path} is a folder; 'imbdet fix {path} --out NEW.json' converts YOLO data sets and VOC folders")
    if not path.is_file():
        raise FileNotFoundError(f'annotation file not found: {path}; write it (tools/data has converters), or correct ann_file')
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=AnnotationFile)
    except RecursionError:
        raise AnnotationError(f'{path}: lists or objects are nested too deeply for an annotation file') from None
    except msgspec.DecodeError:  # also if a value has the wrong type
        return _load_lenient(path, content)


def _load_lenient(path: Path, content: bytes) -> AnnotationFile:
    """Read a file with Python's parser, which accepts the NaN and Infinity that JSON forbids and exporters write."""
    try:
        # As text, because pycocotools opens it so: json.loads guesses other encodings of bytes.
        return msgspec.convert(as_mmdet_takes(json.loads(content.decode())), type=AnnotationFile)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        is_json = isinstance(error, msgspec.ValidationError) or content.startswith(codecs.BOM_UTF8)
        hint = f"'imbdet fix {path} --out NEW' may correct it" if is_json else 'it must be JSON in COCO or LVIS format'
        raise AnnotationError(f'{path}: {error}; {hint}') from error
