"""Search for faults of class names: those of a config compared with those of a file."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

from imbdet.annotations.fault import Fault, first_ten

OTHER_ORDER = 'classes in another order than in the file'
"""Kind of a fault."""
MOST_NAMES = 100
"""Up to this many names of a file, a message lists all, to be copied into a config."""


def class_faults(classes: Sequence[str], names: Sequence[str]) -> Iterator[Fault]:
    """Find classes of a config that are not in a file, or are there in another order.

    Args:
        classes: Names of the config.
        names: Names of the file's categories, in the order of the labels.

    Yields:
        The faults.
    """
    if isinstance(classes, str):
        yield Fault('classes that are text', 'class', [classes],
                    f'the classes of the config are the string {classes!r}, and each of its letters would be a class; '
                    f'write classes=({classes!r}, )')
        return
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    if repeated and list(classes) != list(names):
        yield Fault('classes named twice', 'class', repeated,
                    f'the classes of the config name {first_ten(repeated)} more than once; name each class once')
        return
    twice = [name for name, count in Counter(names).items() if count > 1 and name in set(classes)]
    if twice:
        yield Fault('duplicate category names', 'class', twice,
                    f'{len(twice)} class names are used by several categories ({first_ten(twice)}). mmdet creates one label '
                    'per category, so names and labels would no longer match; give every category a unique name')
        return
    unknown = [name for name in classes if name not in set(names)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1)
        listed = f'{tuple(names)}' if len(names) <= MOST_NAMES else first_ten(names)
        hint = f'did you mean {near[0]!r}?' if near else f'the file has {listed}.'
        yield Fault('classes that are not in the file', 'class', unknown,
                    f'class {unknown[0]!r} of the config is not a category of the file; {hint} mmdet would skip it and shift '
                    'the labels of all later classes')
    known = [name for name in classes if name not in set(unknown)]
    in_file_order = [name for name in names if name in set(known)]
    if known != in_file_order:
        yield Fault(OTHER_ORDER, 'class', known,
                    'the classes of the config are in another order than the categories of the file. mmdet takes its labels '
                    f'from the file, so names and labels would not match; write classes={tuple(in_file_order)}')


def label_difference(classes: Sequence[str], others: Sequence[str]) -> str:
    """Describe the first difference between two lists of classes.

    Args:
        classes: Names by label.
        others: Other names by label.

    Returns:
        Such as ``"label 1 is 'cat' and 'dog'"`` or ``'3 and 2 classes'``.
    """
    for label, (one, other) in enumerate(zip(classes, others, strict=False)):
        if one != other:
            return f'label {label} is {one!r} and {other!r}'
    return f'{len(classes)} and {len(others)} classes'
