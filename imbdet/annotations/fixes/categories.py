"""Categories: names that are missing or not unique, ids that are not unique, and the order of another file."""

from collections import defaultdict
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog
from imbdet.annotations.fixes.ids import map_categories
from imbdet.annotations.fixes.json_numbers import is_number
from imbdet.annotations.fixes.options import FixOptions


def fix_categories(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    """Give every category a name, an id and a name of its own, and the order that the options ask for.

    Args:
        content: Content of the file, changed in place; ids are integers, and all that annotations refer to are there.
        options: Decisions.
        log: The record of changes.

    Raises:
        ValueError: If the categories are to follow another file, and that has faults, or lacks a name.
    """
    for category in content['categories']:
        _fix_name(category, log)
    _fix_repeated_ids(content, options, log)
    _fix_repeated_names(content, options, log)
    if options.categories_like is not None:
        _follow(content, options.categories_like, log)


def _fix_name(category: dict, log: FixLog) -> None:
    old = category.get('name')
    name = str(old) if is_number(old) else old
    name = name.strip() if isinstance(name, str) else ''
    if not name:
        name = f'category_{category["id"]}'
        log.change(f'no name: named {name}', category)
    elif name != old:
        log.change('name that is a number: made text' if is_number(old) else 'blanks around the name removed', category)
    category['name'] = name


def _fix_repeated_ids(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    by_id = _grouped(content['categories'], 'id')
    repeated = [group for group in by_id.values() if len(group) > 1]
    unclear = [group for group in repeated if len({category['name'] for category in group}) > 1]
    if options.same_category_ids is None:
        log.ask('different names with one id. keep-last: all annotations of the id belong to the last name, as mmdet takes it; '
                'drop: remove them with their annotations', '--same-category-ids keep-last|drop',
                [category for group in unclear for category in group])
    if options.same_category_ids == 'drop':
        dropped = {group[0]['id'] for group in unclear}
        log.remove(content, 'annotations', 'category whose id has several names',
                   lambda annotation: annotation['category_id'] in dropped)
        log.remove(content, 'categories', 'id of several names', lambda category: category['id'] in dropped)
    earlier = {id(category) for group in repeated for category in group[:-1]}
    log.remove(content, 'categories', 'id that a later entry has', lambda category: id(category) in earlier)


def _fix_repeated_names(content: dict[str, Any], options: FixOptions, log: FixLog) -> None:
    repeated = [group for group in _grouped(content['categories'], 'name').values() if len(group) > 1]
    if options.same_names is None:
        log.ask('the same name. merge: make them one; number: rename the later ones to name_2, name_3, ...',
                '--same-names merge|number', [category for group in repeated for category in group])
    elif options.same_names == 'number':
        names = {category['name'] for category in content['categories']}
        for group in repeated:
            for category in group[1:]:
                category['name'] = _free_name(category['name'], names)
                log.change('name used several times: numbered', category)
    else:
        table = {category['id']: group[0]['id'] for group in repeated for category in group[1:]}
        for annotation in content['annotations']:
            if annotation['category_id'] in table:
                log.change('category merged with another of the same name', annotation)
        map_categories(content, table)
        log.remove(content, 'categories', 'merged with an earlier one of the same name',
                   lambda category: category['id'] in table)


def _free_name(name: str, names: set[str]) -> str:
    """Return ``name_2``, or the next that is free, and take it."""
    number = 2
    while f'{name}_{number}' in names:
        number += 1
    names.add(f'{name}_{number}')
    return f'{name}_{number}'


def _follow(content: dict[str, Any], others: list[dict[str, Any]], log: FixLog) -> None:
    """Take over the order and the ids of other categories, by name."""
    is_sound = all(isinstance(other.get('name'), str) and type(other.get('id')) is int for other in others)
    ids = {other['name']: other['id'] for other in others} if is_sound else {}
    if len(set(ids.values())) < len(others):
        raise ValueError('--categories-like: its categories must have unique names and unique integer ids; fix that file first')
    unknown = [category['name'] for category in content['categories'] if category['name'] not in ids]
    if unknown:
        raise ValueError(f'--categories-like: it lacks {len(unknown)} categories of this file ({", ".join(unknown)}); add them '
                         'to it, or rename them here')
    own = {category['name']: category for category in content['categories']}
    table = {category['id']: ids[category['name']] for category in content['categories']}
    if [category['name'] for category in own.values()] != [name for name in ids if name in own]:
        log.change_file('categories put into the order of the other file')
    for category in own.values():
        if category['id'] != ids[category['name']]:
            category['id'] = ids[category['name']]
            log.change('id taken from the other file', category)
    added = [name for name in ids if name not in own]
    if added:
        log.change_file(f'categories added from the other file: {", ".join(added)}')
    map_categories(content, table)
    content['categories'] = [own.get(other['name'], _without_counts(other)) for other in others]


def _without_counts(category: dict[str, Any]) -> dict[str, Any]:
    """Copy a category without LVIS's counts, which are those of the other file."""
    return {key: value for key, value in category.items() if key not in ('image_count', 'instance_count')}


def _grouped(entries: list[dict], key: str) -> dict[Any, list[dict]]:
    groups = defaultdict(list)
    for entry in entries:
        groups[entry[key]].append(entry)
    return groups
