"""Frequency groups at their edges."""

import pytest

from imbdet.annotations import load_annotations
from imbdet.classes import GroupLimits, frequency_groups
from imbdet.classes.frequency_groups import class_frequencies


def test_edges():
    assert frequency_groups([0, 1, 10, 11, 100, 101]).tolist() == ['r', 'r', 'r', 'c', 'c', 'f']
    assert frequency_groups([3, 4, 6, 7], rare_max=3, common_max=6).tolist() == ['r', 'c', 'c', 'f']


def test_bad_edges():
    with pytest.raises(ValueError, match='rare_max <= common_max'):
        frequency_groups([1], rare_max=5, common_max=4)


def test_frequencies_that_the_file_tells(annotation_file):
    content = load_annotations(annotation_file(categories=(
        {'id': 5, 'name': 'a', 'frequency': 'f', 'image_count': 200}, {'id': 2, 'name': 'b', 'frequency': 'c'},
        {'id': 3, 'name': 'c', 'frequency': 'often', 'image_count': 7})))
    assert class_frequencies(content) == (['f', 'c', None], [200, None, 7])


def test_frequencies_by_training_images(annotation_file):
    """Categories are found by name, whatever their ids; crowds do not count."""
    content = load_annotations(annotation_file(categories=('c', 'd', 'a'), name='val.json'))
    boxes = [(1, 1), (2, 1), (2, 1), (3, 1), (1, 3), {'image_id': 2, 'category_id': 3, 'iscrowd': 1}]
    training = load_annotations(annotation_file(boxes))
    assert class_frequencies(content, training) == (['r', None, 'r'], [1, None, 3])
    assert class_frequencies(content, training, GroupLimits(1, 2)) == (['r', None, 'f'], [1, None, 3])
