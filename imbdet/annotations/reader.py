"""A typed reader of COCO and LVIS annotation files that skips the polygons."""

import json
from pathlib import Path

import msgspec
import numpy as np


class AnnotationError(ValueError):
    """An annotation file that cannot be trained on or evaluated against as it is."""


class Image(msgspec.Struct, gc=False):
    """An entry of ``images``; keys that a file lacks are None."""

    id: int | str
    width: float | None = None
    height: float | None = None
    file_name: str | None = None
    coco_url: str | None = None
    neg_category_ids: list[int] | None = None
    not_exhaustive_category_ids: list[int] | None = None


class Annotation(msgspec.Struct, gc=False):
    """An entry of ``annotations``; keys that a file lacks are None."""

    id: int | str
    image_id: int | str
    category_id: int
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: int | bool = False
    ignore: int | bool = False


class Category(msgspec.Struct, gc=False):
    """An entry of ``categories``; the last three are LVIS's."""

    id: int
    name: str
    frequency: str | None = None
    image_count: int | None = None
    instance_count: int | None = None


class AnnotationFile(msgspec.Struct):
    """What imbdet reads of a COCO or LVIS annotation file."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]

    def image_counts(self) -> np.ndarray:
        """Count the images that hold each category, crowd boxes left out.

        Returns:
            Counts in the order of ``categories``, shape (C,), int64.
        """
        positions = {category.id: position for position, category in enumerate(self.categories)}
        held = {(box.category_id, box.image_id) for box in self.annotations if not (box.iscrowd or box.ignore)}
        counted = [positions[category] for category, _ in held if category in positions]
        return np.bincount(np.array(counted, dtype=np.int64), minlength=len(positions))


def load_annotations(path: str | Path) -> AnnotationFile:
    """Read a COCO or LVIS annotation file.

    Args:
        path: A JSON file with the lists ``images``, ``annotations`` and ``categories``.

    Returns:
        Its content without the polygons.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If it is not JSON, a list or an ``id``, ``image_id``, ``category_id`` or ``name`` is missing, or
            a value has another type than it should.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'annotation file not found: {path}')
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=AnnotationFile)
    except msgspec.ValidationError as error:
        raise AnnotationError(f'{path}: {error}') from error
    except msgspec.DecodeError:
        return _load_lenient(path, content)


def _load_lenient(path: Path, content: bytes) -> AnnotationFile:
    """Read a file with Python's parser, which accepts the NaN and Infinity that JSON forbids and exporters write."""
    try:
        return msgspec.convert(json.loads(content), type=AnnotationFile)
    except (ValueError, msgspec.ValidationError) as error:
        raise AnnotationError(f'{path}: {error}') from error
