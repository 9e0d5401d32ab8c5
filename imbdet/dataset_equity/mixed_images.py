"""Finding transforms that make one image out of several."""

from collections.abc import Iterator
from typing import Any

PARTS = ('dataset', 'datasets', 'pipeline', 'transforms')


def mixing_transforms(dataset: Any) -> list[str]:
    """List the transforms of a data set's pipelines that mix in other images.

    Args:
        dataset: A data set, also a wrapper around others.

    Returns:
        Names such as ``'Mosaic'``, each once: mmdet's Mosaic, MixUp and CopyPaste, their cached kin, and any other that
        asks mmdet for further images by ``get_indexes``.
    """
    return sorted(set(_walk(dataset)))


def _walk(part: Any) -> Iterator[str]:
    if isinstance(part, (list, tuple)):
        for item in part:
            yield from _walk(item)
        return
    if hasattr(part, 'get_indexes'):
        yield type(part).__name__
    for name in PARTS:
        yield from _walk(getattr(part, name, ()))
