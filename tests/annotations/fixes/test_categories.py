"""Categories whose names or ids are missing or repeated, and the order of another file."""

import pytest

from imbdet.annotations.fixes import FixOptions, fix_content

from .contents import fix, make_content


def named(content):
    """Names of the categories by id, and the names of the annotations."""
    names = {category['id']: category['name'] for category in content['categories']}
    return names, [names[annotation['category_id']] for annotation in content['annotations']]


@pytest.mark.parametrize(('name', 'fixed'), [
    (..., 'category_1'), (None, 'category_1'), ('', 'category_1'), (' \t', 'category_1'), ([], 'category_1'),
    (' cat ', 'cat'), (5, '5'), (2.5, '2.5'), ('Tür', 'Tür'),
])
def test_names(name, fixed):
    content = make_content(categories=[{'id': 1, 'name': name}, 'b'])
    changes, _ = fix(content)
    assert [category['name'] for category in content['categories']] == [fixed, 'b']
    assert [*changes.values()] == ([[1]] if name != fixed else [])


BOXES = [{'category_id': 1}, {'category_id': 2}, {'category_id': 3}]
ONE_NAME = [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}, {'id': 3, 'name': 'cat '}, {'id': 4, 'name': 'cat_2'}]


@pytest.mark.parametrize(('choice', 'names', 'labels'), [
    ('merge', {1: 'cat', 2: 'dog', 4: 'cat_2'}, ['cat', 'dog', 'cat']),
    ('number', {1: 'cat', 2: 'dog', 3: 'cat_3', 4: 'cat_2'}, ['cat', 'dog', 'cat_3']),
])
def test_categories_of_one_name(choice, names, labels):
    content = make_content(BOXES, [{'neg_category_ids': [3, 1]}], categories=ONE_NAME)
    fix(content, same_names=choice)
    assert named(content) == (names, labels)
    assert content['images'][0]['neg_category_ids'] == ([1] if choice == 'merge' else [3, 1])


ONE_ID = [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}, {'id': 2, 'name': 'cow'}, {'id': 3, 'name': 'eel'},
          {'id': 3, 'name': 'eel'}]


@pytest.mark.parametrize(('choice', 'names', 'labels'), [
    ('keep-last', {1: 'cat', 2: 'cow', 3: 'eel'}, ['cat', 'cow', 'eel']),
    ('drop', {1: 'cat', 3: 'eel'}, ['cat', 'eel']),
])
def test_categories_of_one_id(choice, names, labels):
    content = make_content(BOXES, categories=ONE_ID)
    fix(content, same_category_ids=choice)
    assert named(content) == (names, labels)


@pytest.mark.parametrize(('categories', 'option', 'ids'), [
    (ONE_NAME, '--same-names merge|number', [1, 3]),
    (ONE_ID, '--same-category-ids keep-last|drop', ['2 (entry 2)', '2 (entry 3)']),
])
def test_what_cannot_be_decided_is_asked(categories, option, ids):
    report = fix_content(make_content(categories=categories))
    assert [(decision.option, decision.of, decision.ids) for decision in report.decisions] == [(option, 'category', ids)]


def test_categories_without_annotations_are_kept_and_named():
    content = make_content([{}], categories=('a', 'b', 'c'))
    report = fix_content(content)
    assert len(content['categories']) == 3
    assert report.changes == []
    assert report.notes == ['categories without annotations, kept: 2 (b, c)']


def test_order_and_ids_of_another_file():
    other = [{'id': 3, 'name': 'b'}, {'id': 1, 'name': 'c', 'image_count': 4, 'frequency': 'r'}, {'id': 2, 'name': 'a'}]
    content = make_content([{'category_id': 1}, {'category_id': 2}], [{'neg_category_ids': [2]}])
    changes, _ = fix(content, categories_like=other)
    assert named(content) == ({3: 'b', 1: 'c', 2: 'a'}, ['a', 'b'])
    assert [category['name'] for category in content['categories']] == ['b', 'c', 'a']
    assert content['categories'][1] == {'id': 1, 'name': 'c', 'frequency': 'r'}
    assert content['images'][0]['neg_category_ids'] == [3]
    assert changes['id taken from the other file'] == [1, 2]
    assert fix(content, categories_like=other) == ({}, [])


@pytest.mark.parametrize(('other', 'message'), [
    ([{'id': 1, 'name': 'b'}], r'it lacks 1 categories of this file \(a\)'),
    ([{'id': 1, 'name': 'a'}, {'id': 1, 'name': 'b'}], 'unique names and unique integer ids'),
    ([{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'b'}, {'id': 3, 'name': 'b'}], 'unique names and unique integer ids'),
    ([{'id': '1', 'name': 'a'}, {'id': 2, 'name': 'b'}], 'unique names and unique integer ids'),
])
def test_another_file_that_does_not_fit(other, message):
    with pytest.raises(ValueError, match=message):
        fix(make_content(), categories_like=other)


def test_nothing_is_decided_in_secret():
    content = make_content(BOXES, categories=ONE_ID)
    assert fix_content(content, FixOptions(same_names='merge')).decisions
