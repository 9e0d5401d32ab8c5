"""Entries of images: names, sizes, ids and files that are listed twice."""

import pytest

from .contents import fix, make_content


def listed(content):
    return [(image['id'], image.get('file_name')) for image in content['images']]


@pytest.mark.parametrize(('value', 'is_fixed'), [
    (100.0, True), ('100', True), (100, False), (100.5, None), (0, None), (-5, None), (..., None), (None, None),
    (float('nan'), None), (True, None), ('wide', None),
])
def test_sizes(value, is_fixed):
    content = make_content([{}], [{'width': value}])
    changes, asked = fix(content)
    assert asked == (['--images FOLDER'] if is_fixed is None else [])
    if is_fixed is not None:
        assert type(content['images'][0]['width']) is int
        assert content['images'][0]['width'] == 100
        assert changes == ({'size as text or float: made integers': [1]} if is_fixed else {})


@pytest.mark.parametrize(('name', 'url', 'fixed'), [
    ('x.jpg', 'http://a/b.jpg', 'x.jpg'), (..., 'http://a/b.jpg', 'b.jpg'), ('', 'http://a/b.jpg', 'b.jpg'),
    (..., ..., None), (None, '', None), (7, 7, None),
])
def test_file_names(name, url, fixed):
    content = make_content(images=[{'file_name': name, 'coco_url': url}])
    _, asked = fix(content)
    assert listed(content) == [(1, fixed)]
    assert asked == ([None] if fixed is None else [])


@pytest.mark.parametrize(('choice', 'images', 'image_ids'), [
    ('keep-last', [(1, 'b'), (2, 'c')], [1, 2]), ('drop', [(2, 'c')], [2]), (None, ..., ...)])
def test_different_images_of_one_id(choice, images, image_ids):
    content = make_content([{'image_id': 1}, {'image_id': 2}],
                           [{'id': 1, 'file_name': 'a'}, {'id': 1, 'file_name': 'b'}, {'id': 2, 'file_name': 'c'}])
    changes, asked = fix(content, same_image_ids=choice)
    if choice is None:
        assert asked == ['--same-image-ids keep-last|drop']
        return
    assert asked == []
    assert listed(content) == images
    assert [annotation['image_id'] for annotation in content['annotations']] == image_ids
    assert (changes.get('image removed: id of different images') == [1]) == (choice == 'drop')


def test_one_image_listed_twice_under_one_id():
    content = make_content([{}], [{'id': 1, 'file_name': './a'}, {'id': 1, 'file_name': 'a'}])
    assert fix(content) == ({'id that a later entry has': ['1 (entry 1)']}, [])
    assert listed(content) == [(1, 'a')]


@pytest.mark.parametrize('name', ['a', './a', 'x/..//a'])
def test_one_image_listed_twice_under_two_ids_gets_all_boxes(name):
    content = make_content([{'image_id': 1}, {'image_id': 2, 'bbox': [10, 10, 20, 20]}, {'image_id': 2, 'category_id': 2}],
                           [{'id': 1, 'file_name': name}, {'id': 2, 'file_name': 'a'}])
    changes, asked = fix(content)
    assert asked == []
    assert listed(content) == [(1, name)]
    assert [(annotation['id'], annotation['image_id']) for annotation in content['annotations']] == [(1, 1), (3, 1)]
    assert changes == {'moved to the first entry of its image file': [2, 3],
                       'image file listed before under another id': [2],
                       'same object listed before': [2]}


def test_one_image_listed_with_two_sizes_is_asked_for():
    content = make_content(images=[{'file_name': 'a'}, {'file_name': 'a', 'width': 90}])
    assert fix(content)[1] == ['--images FOLDER']
