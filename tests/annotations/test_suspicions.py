"""Files that mmdet accepts and that are most likely wrong."""

import numpy as np
import pytest

from imbdet.annotations import load_annotations, to_arrays
from imbdet.annotations.suspicions import find_suspicions


def suspicions(path):
    content = load_annotations(path)
    return list(find_suspicions(content, to_arrays(content)))


def boxes(seed, corners=False):
    """Boxes in images of 100 x 100 pixels."""
    rng = np.random.default_rng(seed)
    found = []
    for low in rng.integers(0, 60, (40, 2)).tolist():
        sides = rng.integers(10, 40, 2).tolist()
        found.append(dict(bbox=[*low, *(np.add(low, sides).tolist() if corners else sides)], area=100))
    return found


def test_a_sound_file(annotation_file):
    assert suspicions(annotation_file(boxes(0))) == []


def test_one_image_file_under_several_ids(annotation_file):
    (text, ) = suspicions(annotation_file([(1, 1)], num_images=3, image_keys={'file_name': './a/../x.jpg'}))
    assert text.startswith('1 image files are listed under several ids (first: x.jpg, ids 1, 2, 3). Each entry has')


def test_objects_that_are_listed_twice(annotation_file):
    """Of another image, category or place, or a crowd, they are others."""
    others = [dict(image_id=2), dict(category_id=2), dict(bbox=[11, 10, 20, 20]), dict(iscrowd=1)]
    assert suspicions(annotation_file([{}, *others])) == []
    (text, ) = suspicions(annotation_file([{}, *others, {}, {}, dict(image_id=2)]))
    assert text.startswith('3 annotations have the image, category and box of another one (annotation ids 6, 7, 8).')


@pytest.mark.parametrize('seed', range(3))
def test_boxes_that_are_corners(annotation_file, seed):
    (text, ) = suspicions(annotation_file(boxes(seed, corners=True)))
    assert text.endswith("if they are corners, 'imbdet fix --boxes xyxy' converts them")
    assert suspicions(annotation_file([*boxes(seed, corners=True), dict(bbox=[50, 50, 20, 20])])) == []


def test_a_file_without_boxes(annotation_file):
    assert suspicions(annotation_file()) == []
