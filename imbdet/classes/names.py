"""The names of a data set's classes."""

from typing import Any


def class_names(dataset: Any) -> tuple[str, ...]:
    """Return the class names of a data set or wrapper.

    Raises:
        ValueError: If it has none, or is a concatenation of data sets with different classes.
    """
    metainfo = dataset.metainfo
    metainfos = metainfo if isinstance(metainfo, list) else [metainfo]  # a list: ConcatDataset of unequal data sets
    names = {tuple(info.get('classes') or ()) for info in metainfos}
    if len(names) > 1:
        raise ValueError(f'{type(dataset).__name__} joins data sets with different classes; give all of them the same '
                         "metainfo=dict(classes=...)")
    if not any(names):
        raise ValueError(f'{type(dataset).__name__} has no class names; give it metainfo=dict(classes=...)')
    return names.pop()
