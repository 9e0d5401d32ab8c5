"""Names that annotations may refer to instead of ids: of image files and of categories."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any


def image_names(images: list[dict]) -> dict[str, Any]:
    """Return the ids of images by name: ``file_name`` with or without its folder and its extension.

    Args:
        images: Entries with ids.

    Returns:
        Ids by name, without names that several images have.
    """
    return _unique((name, image['id']) for image in images for name in _file_names(image.get('file_name')))


def category_names(categories: list[dict]) -> dict[str, Any]:
    """Return the ids of categories by name, without blanks around it and without names that several categories have.

    Args:
        categories: Entries with ids.
    """
    return _unique((str(category.get('name')).strip(), category['id']) for category in categories)


def _file_names(file_name: Any) -> Iterator[str]:
    if isinstance(file_name, str) and file_name.strip():
        for name in (file_name.strip(), posixpath.basename(file_name.strip())):
            yield name
            yield posixpath.splitext(name)[0]


def _unique(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    ids = defaultdict(set)
    for name, value in named:
        ids[name].add(value)
    return {name: values.pop() for name, values in ids.items() if len(values) == 1}
