"""Centres of boxes against a loop over the annotation file."""

import json

import numpy as np
import pytest
from mmdet.datasets import CocoDataset

from imbdet.classes import box_centers


def test_centers_are_those_of_the_file(digits):
    path = digits / 'annotations/digits_longtail_train.json'
    content = json.loads(path.read_text())
    images = {image['id']: image for image in content['images']}
    categories = [category['id'] for category in content['categories']]
    expected = [[] for _ in categories]
    for box in sorted(content['annotations'], key=lambda box: list(images).index(box['image_id'])):
        (x, y, width, height), image = box['bbox'], images[box['image_id']]
        expected[categories.index(box['category_id'])].append(((x + width / 2) / image['width'],
                                                               (y + height / 2) / image['height']))
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), pipeline=[],
                          metainfo=dict(classes=tuple(category['name'] for category in content['categories'])))
    centers = box_centers(dataset, len(categories))
    assert [len(part) for part in centers] == [len(part) for part in expected]
    for part, wanted in zip(centers, expected, strict=True):
        np.testing.assert_allclose(part, np.reshape(wanted, (-1, 2)), atol=1e-12)
        assert ((part >= 0) & (part <= 1)).all()


def test_crowds_and_classes_without_boxes(annotation_file):
    path = annotation_file([{'bbox': [10, 20, 30, 40], 'category_id': 2}, {'category_id': 2, 'iscrowd': 1}])
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    centers = box_centers(dataset, 3)
    assert [part.tolist() for part in centers] == [[], [[0.25, 0.4]], []]
    assert centers[0].shape == (0, 2)


def test_a_data_set_without_sizes():
    class Sizeless:
        def __len__(self):
            return 1

        def get_data_info(self, index):
            return dict(instances=[dict(bbox=[0, 0, 1, 1], bbox_label=0)])

    with pytest.raises(TypeError, match="the items of Sizeless have no 'width' key"):
        box_centers(Sizeless(), 1)
