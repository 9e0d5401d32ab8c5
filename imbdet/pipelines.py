"""Walking through data sets, their wrappers and their transforms."""

from collections.abc import Iterator
from typing import Any

PARTS = ('dataset', 'datasets', 'pipeline', 'transforms')


def parts_of(dataset: Any) -> Iterator[Any]:
    """Yield a data set, the data sets inside it, and the transforms of their pipelines, also nested ones.

    Args:
        dataset: A data set, also a wrapper around others.
    """
    if isinstance(dataset, (list, tuple)):
        for item in dataset:
            yield from parts_of(item)
        return
    yield dataset
    for name in PARTS:
        yield from parts_of(getattr(dataset, name, ()))
