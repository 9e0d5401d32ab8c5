"""Annotations that refer to images and categories by name, and those of unknown ones."""

import copy

import pytest

from imbdet.annotations.fixes import FixOptions, fix_content

from .contents import fix, make_content

IMAGES = [{'id': 11, 'file_name': 'train/0007.jpg'}, {'id': 12, 'file_name': '8.jpg'}, {'id': 13, 'file_name': 'b.v1.png'}]


def references(content, key):
    return [annotation[key] for annotation in content['annotations']]


@pytest.mark.parametrize('names', [
    ['train/0007.jpg', '8.jpg', 'b.v1.png'], ['train/0007', '8', 'b.v1'], ['0007.jpg', ' 8.jpg ', 'b.v1'],
    ['0007', '8', 'b.v1'], [['0007'], '12', 'b.v1'], [[11], [12.0], ['13']],
])
def test_names_of_images_become_ids(names):
    content = make_content([{'image_id': name} for name in names], IMAGES)
    changes, asked = fix(content)
    assert asked == []
    assert references(content, 'image_id') == [11, 12, 13]
    assert set().union(*changes.values()) == {1, 2, 3}
    assert fix(content) == ({}, [])


@pytest.mark.parametrize(('ids', 'expected'), [([5, 6], [5, 6, 6]), ([..., ...], [1, 2, 2])])
def test_names_of_categories_become_ids(ids, expected):
    content = make_content([{'category_id': 'cat'}, {'category_id': 'dog '}, {'category_id': ['dog']}],
                           categories=[{'id': ids[0], 'name': 'cat'}, {'id': ids[1], 'name': ' dog'}])
    changes, asked = fix(content)
    assert asked == []
    assert references(content, 'category_id') == expected
    assert changes['category_id that is a name: made the id'] == [1, 2, 3]


def test_text_that_is_an_id_is_no_name():
    content = make_content([{'image_id': '2'}, {'image_id': '3'}, {}],
                           [{'id': 1, 'file_name': '2.jpg'}, {'id': 2, 'file_name': '3.jpg'}])
    changes, _ = fix(content)
    assert references(content, 'image_id') == [2, 1]
    assert changes['image that the file does not list'] == [2]  # no second way to read a number next to the first


def test_names_of_several_entries_decide_nothing():
    content = make_content([{'image_id': 'x'}, {'category_id': 'cat'}, {}, {}, {}],
                           [{'file_name': 'x.jpg'}, {'file_name': 'x.png'}], ['cat', 'cat', 'dog'])
    changes, _ = fix(content, same_names='number')
    assert changes['image that the file does not list'] == [1]
    assert changes['category that the file does not list'] == [2]


EMPTIED = {
    'images renamed': ([{'image_id': 'x.jpg'}, {'image_id': 'y.jpg'}], {}),
    'no categories': ([{}, {}], {'categories': ()}),
    'categories without ids': ([{}, {}], {'categories': [{'id': ..., 'name': 'a'}]}),
    'no reference': ([{'image_id': ...}, {'category_id': None}], {}),
    'two of three': ([{'image_id': 5}, {'category_id': 5}, {}], {}),
}


@pytest.mark.parametrize(('annotations', 'lists'), EMPTIED.values(), ids=EMPTIED)
def test_more_than_half_of_the_annotations_are_not_removed_unasked(annotations, lists):
    content = make_content(annotations, **lists)
    report = fix_content(copy.deepcopy(content))
    decision, = report.decisions
    assert (decision.option, decision.of, decision.ids) == ('--unknown drop', 'annotation', [1, 2])
    assert not any(change.is_removal for change in report.changes)
    report = fix_content(content, FixOptions(unknown='drop'))
    assert report.decisions == []
    assert len(content['annotations']) == len(annotations) - 2


def test_the_question_names_what_is_unknown():
    decision, = fix_content(make_content([{'image_id': 'x.jpg'}, {'image_id': 'x.jpg', 'category_id': 7}])).decisions
    assert decision.question.startswith('image or category that the file does not list (image_id x.jpg; category_id 7). ')


def test_half_of_the_annotations_are_removed():
    content = make_content([{'image_id': 5}, {}])
    assert fix(content) == ({'image that the file does not list': [1]}, [])
