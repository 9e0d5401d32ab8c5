import numpy as np
import pytest

from imbdet.annotations.splitting import group_names, image_name, join_groups

IMAGES = [{'id': 1, 'file_name': 'a/patient7_left.png', 'video_id': 3},
          {'id': 2, 'file_name': 'a/patient12.png', 'video_id': 4},
          {'id': 3, 'file_name': 'b/patient7.png', 'video_id': 3}]


@pytest.mark.parametrize(('rule', 'names'), [
    ('video_id', ['3', '4', '3']),
    (r'patient\d+', ['patient7', 'patient12', 'patient7']),
    (r'(\w)/patient', ['a', 'a', 'b']),
    (r'^[^/]*(?=/)', ['a', 'a', 'b']),
])
def test_names_from_a_key_or_a_pattern(rule, names):
    assert group_names(IMAGES, rule) == names


@pytest.mark.parametrize(('images', 'rule', 'message'), [
    ([*IMAGES, {'id': 9, 'file_name': 'x.png'}], 'video_id', r"1 of 4 images have no 'video_id'.*image 9, 'x.png'"),
    ([*IMAGES, {'id': 9, 'file_name': 'x.png', 'video_id': None}], 'video_id', r"1 of 4 images have no 'video_id'"),
    ([*IMAGES, {'id': 9, 'file_name': 'x.png'}], r'patient\d+', r"1 of 4 images have a file name that does not match.*'x.png'"),
    ([*IMAGES, {'id': 9}], r'patient\d+', r'1 of 4 images.*image 9, None'),
    (IMAGES, 'patient', r"no image has the key 'patient'; the keys are file_name, id, video_id"),
    (IMAGES, r'(patient', r"'\(patient' is neither a key .* nor a regular expression: missing \)"),
    ([{'id': 5, 'video_id': [1]}], 'video_id', "'video_id' of image 5 is a list"),
])
def test_images_that_cannot_be_grouped_are_named(images, rule, message):
    with pytest.raises(ValueError, match=message):
        group_names(images, rule)


@pytest.mark.parametrize(('image', 'name'), [
    ({'file_name': 'a.png', 'coco_url': 'http://x/b.png'}, 'a.png'),
    ({'coco_url': 'http://images.cocodataset.org/train2017/000000391895.jpg'}, 'train2017/000000391895.jpg'),
    ({'file_name': '', 'coco_url': ''}, None),
    ({}, None),
])
def test_file_name_of_an_image(image, name):
    assert image_name(image) == name


@pytest.mark.parametrize('seed', range(10))
def test_images_that_share_a_label_are_in_one_group(seed):
    rng = np.random.default_rng(seed)
    sources = [rng.integers(0, 12, 15).tolist(), [f'name {number}' for number in rng.integers(0, 14, 15)]]
    groups = join_groups(*sources)
    reached = [{image} for image in range(15)]
    for _ in range(15):
        for image in range(15):
            reached[image] |= {other for other in range(15) for source in sources
                               for member in reached[image] if source[other] == source[member]}
    for image in range(15):
        assert {other for other in range(15) if groups[other] == groups[image]} == reached[image]
    assert set(groups) == set(range(len(set(groups))))
