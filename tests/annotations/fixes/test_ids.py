"""Ids that are text, floats, missing or repeated."""

import pytest

from .contents import fix, make_content


def ids(content, key='annotations', name='id'):
    return [entry[name] for entry in content[key]]


@pytest.mark.parametrize(('before', 'after'), [
    ([1, 2, 3], [1, 2, 3]),
    ([1.0, '2', ' 3 '], [1, 2, 3]),
    (['007', '8', 9], [7, 8, 9]),
    (['01', '1', 3], [2, 1, 3]),  # two spellings are two ids
    (['x', 2, 1], [3, 2, 1]),
    ([..., None, 1], [2, 3, 1]),
    ([True, 1.5, 2**70], [2, 3, 1]),
    ([0, -4, 2**63 - 1], [0, -4, 2**63 - 1]),
    (['1' * 5000, [], {}], [1, 2, 3]),
])
def test_ids_of_annotations_become_integers(before, after):
    content = make_content([{'id': value} for value in before])
    fix(content)
    assert ids(content) == after
    assert {type(value) for value in ids(content)} == {int}


@pytest.mark.parametrize(('before', 'after'), [
    (['1', '2'], [1, 2]),
    (['a', '2'], ['a', '2']),  # all text: mmdet accepts it
    (['a', 2], [1, 2]),
    (['000012', '000013'], [12, 13]),
    ([2**70, 5], [1, 5]),
])
@pytest.mark.parametrize('as_float', [False, True])
def test_references_to_images_follow(before, after, as_float):
    written = [float(value) if as_float and isinstance(value, int) and value < 9 else value for value in before]
    content = make_content([{'image_id': value} for value in written], [{'id': value} for value in before])
    fix(content)
    assert ids(content, 'images') == after
    assert ids(content, name='image_id') == after
    assert [type(value) for value in ids(content, name='image_id')] == [type(value) for value in after]


def test_references_to_categories_follow_in_lvis_lists_too():
    content = make_content([{'category_id': 'cat'}, {'category_id': '7'}, {'category_id': 7.0}],
                           [{'neg_category_ids': ['cat', 7.0], 'not_exhaustive_category_ids': [None]}],
                           [{'id': '7', 'name': 'a'}, {'id': 'cat', 'name': 'b'}])
    fix(content)
    assert ids(content, 'categories') == [7, 1]
    assert ids(content, name='category_id') == [1, 7, 7]
    assert content['images'][0]['neg_category_ids'] == [1, 7]
    assert content['images'][0]['not_exhaustive_category_ids'] == []


def test_a_new_id_adopts_no_annotation_of_an_unknown_image():
    content = make_content([{'image_id': 1}, {'image_id': 2}], [{'id': ...}, {'id': 2}])
    changes, _ = fix(content)
    assert ids(content, 'images') == [3, 2]
    assert ids(content, name='image_id') == [2]
    assert changes['image that the file does not list'] == [1]


def test_different_objects_of_one_id_get_their_own():
    content = make_content([{'id': 5}, {'id': 5, 'bbox': [0, 0, 20, 20]}, {'id': 1}, {'id': 5, 'category_id': 2}])
    changes, _ = fix(content)
    assert ids(content) == [5, 2, 1, 3]
    assert changes == {'id used several times: new id': ['5 (entry 2)', '5 (entry 4)']}


def test_one_object_listed_twice_is_kept_once():
    mask, other, box = [[10, 10, 30, 10, 30, 30]], [[10, 10, 30, 10, 10, 30]], [10, 10, 20, 20]
    content = make_content([{'id': 5, 'segmentation': mask, 'note': 1}, {'id': 5, 'segmentation': mask, 'bbox': box},
                            {'id': 5, 'segmentation': other}, {'id': 6, 'segmentation': mask}])
    changes, _ = fix(content)
    assert ids(content) == [5, 1, 6]
    assert content['annotations'][0]['note'] == 1
    assert changes['same annotation listed twice'] == ['5 (entry 2)']


def test_annotations_of_unknown_images_and_categories_are_removed():
    content = make_content([{'image_id': 9}, {'category_id': 9}, {'image_id': ...}, {'category_id': []}, {}])
    changes, _ = fix(content, unknown='drop')
    assert ids(content) == [5]
    assert changes == {'image that the file does not list': [1, 3], 'category that the file does not list': [2, 4]}
