"""A fault of an annotation file."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

FEW = 5


class Fault(NamedTuple):
    """One kind of fault, with all entries of the file that have it.

    Attributes:
        kind: What is wrong, in a few words.
        of: What ``ids`` identify: ``'image'``, ``'annotation'``, ``'category'``, or ``'class'`` for names of classes.
        ids: All that have the fault, in the file's order.
        message: What is wrong, what follows from it and, if it is fatal, what to do; with the first ten ids.
        is_fatal: Whether a run cannot start from such a file. mmdet silently drops annotations with other faults.
    """

    kind: str
    of: str
    ids: list[Any]
    message: str
    is_fatal: bool = True


def first_few(items: Iterable[str]) -> str:
    """List the first five, separated by commas, and how many there are more."""
    items = list(items)
    return ', '.join(items[:FEW]) + (f' and {len(items) - FEW} more' if len(items) > FEW else '')


def first_ten(ids: Sequence[Any]) -> str:
    """List the first ten, separated by commas."""
    return ', '.join(map(str, ids[:10])) + (', ...' if len(ids) > 10 else '')
