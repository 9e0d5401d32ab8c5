"""Columns against a loop over the entries."""

import numpy as np

from imbdet.annotations import load_annotations, to_arrays


def test_columns_of_a_sound_file(digits):
    content = load_annotations(digits / 'annotations/digits_longtail_train.json')
    columns = to_arrays(content)
    assert len(columns.boxes) == len(content.annotations) > 1000
    for position, entry in enumerate(content.annotations):
        assert content.images[columns.images[position]].id == entry.image_id
        assert content.categories[columns.categories[position]].id == entry.category_id
        assert columns.boxes[position].tolist() == entry.bbox
        assert columns.areas[position] == entry.area
        assert columns.is_ignored[position] == bool(entry.iscrowd)
    assert columns.image_sizes.tolist() == [[image.width, image.height] for image in content.images]
    assert columns.is_listed.all()


def test_what_lacks(annotation_file):
    boxes = [dict(bbox=None, area=7), dict(bbox=[1, 2, 3]), dict(area=None), dict(image_id=9), dict(category_id=9),
             dict(ignore=1), dict(iscrowd=1), dict(bbox=[])]
    images = [{'id': 1, 'width': 10}, {'id': 2, 'width': 5, 'height': 6}, {'id': 1, 'width': 10, 'height': 20}]
    columns = to_arrays(load_annotations(annotation_file(boxes, images=images)))
    assert columns.bbox_lengths.tolist() == [-1, 3, 4, 4, 4, 4, 4, 0]
    assert np.isnan(columns.boxes).all(axis=1).tolist() == [True, True, *[False] * 5, True]
    assert columns.has_area.tolist() == [True, True, False, *[True] * 5]
    assert columns.areas[0] == 7
    assert np.isnan(columns.areas[2])
    assert columns.images.tolist() == [2, 2, 2, -1, 2, 2, 2, 2]  # of two images with one id the last
    assert columns.categories.tolist() == [0, 0, 0, 0, -1, 0, 0, 0]
    assert columns.is_ignored.tolist() == [False] * 5 + [True, True, False]
    assert columns.is_listed.tolist() == [False, True, True]
    assert np.isnan(columns.image_sizes).tolist() == [[False, True], [False, False], [False, False]]


def test_nothing(annotation_file):
    columns = to_arrays(load_annotations(annotation_file(num_images=0, categories=())))
    assert columns.boxes.shape == (0, 4)
    assert columns.image_sizes.shape == (0, 2)
