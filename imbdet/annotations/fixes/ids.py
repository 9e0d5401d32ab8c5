"""Ids that are missing, text, floats or not unique."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.json_numbers import as_integer
from imbdet.annotations.fixes.names import category_names, image_names

CATEGORY_LISTS = ('neg_category_ids', 'not_exhaustive_category_ids')
"""LVIS's lists of category ids in the entries of ``images``."""


def fix_ids(content: dict[str, Any], log: FixLog) -> None:
    """Make ids integers, and references to them the same integers.

    Whole floats and numbers as text become the number. Missing ids and other text are numbered with free integers. Ids of
    images stay text if all of them are text and some are no numbers, because mmdet accepts these. Text that is no id but the
    name of one image file or category refers to that, and a list of one id is that id.

    Args:
        content: Content of the file, changed in place.
        log: The record of changes.
    """
    annotations, images, categories = (content[key] for key in ('annotations', 'images', 'categories'))
    for entries, keys in ((annotations, ('id', 'image_id', 'category_id')), (images, ('id', )), (categories, ('id', ))):
        _take_out_of_lists(entries, keys, log)
    references = [annotation.get('image_id') for annotation in annotations]
    table = _renumber(images, references, log, may_be_text=True)
    _refer(annotations, 'image_id', table, image_names(images), log)
    references = [annotation.get('category_id') for annotation in annotations]
    references += [value for image in images for key in CATEGORY_LISTS for value in _listed(image, key)]
    table = _renumber(categories, references, log)
    _refer(annotations, 'category_id', table, category_names(categories), log)
    _refer_in_lists(images, table, log)
    _renumber(annotations, [], log)


def fix_repeated_annotation_ids(content: dict[str, Any], log: FixLog) -> None:
    """Give annotations with the same id ids of their own; of one that is listed twice only the first entry remains.

    Entries with equal id, image, category, box and mask are one object.

    Args:
        content: Content of the file, changed in place.
        log: The record of changes.
    """
    annotations = content['annotations']
    counts = Counter(annotation['id'] for annotation in annotations)
    seen: dict[Any, set[str]] = defaultdict(set)
    copies = set()
    free = free_ids(counts)
    for annotation in annotations:
        old = annotation['id']
        if counts[old] == 1:
            continue
        description = repr([annotation.get(key) for key in ('image_id', 'category_id', 'bbox', 'segmentation')])
        if description in seen[old]:
            copies.add(id(annotation))
        elif seen[old]:
            annotation['id'] = next(free)
            log.change('id used several times: new id', annotation)
        seen[old].add(description)
    log.remove(content, 'annotations', 'same annotation listed twice', lambda annotation: id(annotation) in copies)


def free_ids(used: Any) -> Iterator[int]:
    """Yield integers that are not in ``used``, from 1."""
    return (number for number in itertools.count(1) if number not in used)


def map_categories(content: dict[str, Any], table: dict[Any, Any]) -> None:
    """Change all references to categories.

    Args:
        content: Content of the file, changed in place.
        table: New ids by the old ones; other ids stay.
    """
    for annotation in content['annotations']:
        annotation['category_id'] = table.get(annotation['category_id'], annotation['category_id'])
    for image in content['images']:
        for key in CATEGORY_LISTS:
            if _listed(image, key):
                image[key] = list(dict.fromkeys(table.get(value, value) for value in image[key]))


def _key(value: Any) -> int | str | None:
    """Return what makes two ids the same: 7, 7.0 and '7' are, '007' is not; None for what is no id."""
    number = as_integer(value)
    if isinstance(value, str):
        return number if number is not None and str(number) == value.strip() else value.strip() or None
    return value if type(value) is int else number  # also an integer that is too large for int64


def _new_ids(values: Sequence[Any], references: Sequence[Any], may_be_text: bool) -> tuple[dict, Iterator[int]]:
    """Return the new id of each key, and the ids that remain free."""
    keys = dict.fromkeys(key for key in map(_key, values) if key is not None)
    numbers = {key: as_integer(key) for key in keys}
    counts = Counter(numbers.values())
    numbers = {key: number if number is not None and (key == number or counts[number] == 1) else None
               for key, number in numbers.items()}
    if may_be_text and None in numbers.values() and all(isinstance(value, str) and value.strip() for value in values):
        return {key: str(key) for key in keys}, free_ids(())
    used = {number for number in numbers.values() if number is not None}
    # A free number that some annotation refers to would adopt that annotation.
    free = free_ids(used | {as_integer(reference) for reference in references})
    return {key: next(free) if number is None else number for key, number in numbers.items()}, free


def _renumber(entries: list[dict], references: Sequence[Any], log: FixLog, may_be_text: bool = False) -> dict:
    table, free = _new_ids([entry.get('id') for entry in entries], references, may_be_text)
    for entry in entries:
        old = entry.get('id')
        key = _key(old)
        new = next(free) if key is None else table[key]
        if not _is_same(old, new):
            log.change(_id_change(old, new), entry)
            entry['id'] = new
    return table


def _id_change(old: Any, new: int | str) -> str:
    if _key(old) is None:
        return 'missing id: numbered'
    if isinstance(new, str):
        return 'blanks around the id removed'
    return 'id as text or float: made an integer' if as_integer(old) == new else 'id that cannot be an integer: numbered'


def _take_out_of_lists(entries: list[dict], keys: Sequence[str], log: FixLog) -> None:
    for entry in entries:
        for key in keys:
            value = entry.get(key)
            if isinstance(value, list) and len(value) == 1 and _key(value[0]) is not None:
                entry[key] = value[0]
                log.change(f'{key} in a list of one: taken out of it', entry)


def _refer(annotations: list[dict], reference: str, table: dict, names: dict[Any, Any], log: FixLog) -> None:
    keys = [_key(annotation.get(reference)) for annotation in annotations]
    # Where some numbers are ids, the others are ids of entries that are missing, even if a file has such a name.
    may_be_numbers = not any(isinstance(key, int) and key in table for key in keys)
    for annotation, key in zip(annotations, keys, strict=True):
        old = annotation.get(reference)
        name = old.strip() if isinstance(old, str) and (may_be_numbers or not isinstance(key, int)) else None
        is_name = key not in table and name in names
        new = names[name] if is_name else table.get(key, key)
        if not _is_same(old, new):
            annotation[reference] = new
            if new is not None:  # without one it is removed later
                change = 'that is a name: made the id' if is_name else _reference_change(old, new)
                log.change(f'{reference} {change}', annotation)


def _reference_change(old: Any, new: Any) -> str:
    is_integer = not isinstance(new, str) and as_integer(old) == new
    return 'as text or float: made an integer' if is_integer else 'changed with the id'


def _refer_in_lists(images: list[dict], table: dict, log: FixLog) -> None:
    for image in images:
        for key in CATEGORY_LISTS:
            old = _listed(image, key)
            new = [table.get(_key(value), _key(value)) for value in old if _key(value) is not None]
            if len(new) < len(old) or not all(map(_is_same, old, new)):
                image[key] = new
                log.change(f'{key} changed with the ids', image)


def _listed(image: dict, key: str) -> list:
    return image[key] if isinstance(image.get(key), list) else []


def _is_same(old: Any, new: Any) -> bool:
    return type(old) is type(new) and old == new
