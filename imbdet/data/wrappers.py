"""Traversal of data set wrappers, built or as configs."""

from collections.abc import Iterator
from typing import Any

PARTS = ('dataset', 'datasets', 'pipeline', 'transforms', 'branch_pipelines')
"""Attributes in which wrappers, data sets, pipelines and transforms store their parts."""


DATA_SETS = PARTS[:2]
"""Those of data sets."""


def walk_dataset(dataset: Any, parts: tuple[str, ...] = PARTS) -> Iterator[Any]:
    """Yield a data set, the data sets inside it, and the transforms of their pipelines, also nested ones.

    Args:
        dataset: A data set or a wrapper around others.
        parts: Attributes to go into; :data:`DATA_SETS` for no transforms.
    """
    if isinstance(dataset, (list, tuple, dict)):
        for item in dataset.values() if isinstance(dataset, dict) else dataset:
            yield from walk_dataset(item, parts)
        return
    yield dataset
    for name in parts:
        yield from walk_dataset(getattr(dataset, name, ()), parts)


def inner_datasets(dataset: Any) -> Iterator[Any]:
    """Yield the data sets inside wrappers such as ConcatDataset and RepeatDataset; of a plain data set itself.

    Args:
        dataset: A data set or a wrapper around others.
    """
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from inner_datasets(part)
    elif hasattr(dataset, 'dataset'):
        yield from inner_datasets(dataset.dataset)
    else:
        yield dataset


def inner_configs(dataset: dict) -> Iterator[dict]:
    """Yield the configs of the data sets with an annotation file, also inside the configs of wrappers.

    Args:
        dataset: Config of a data set or a wrapper.
    """
    for part in dataset.get('datasets') or ():
        yield from inner_configs(part)
    if dataset.get('dataset'):
        yield from inner_configs(dataset['dataset'])
    elif dataset.get('ann_file'):
        yield dataset
