"""Counts of classes against sets and Counters."""

from collections import Counter

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, ConcatDataset

from imbdet.annotations import load_annotations
from imbdet.classes import count_classes, dataset_counts, file_counts
from imbdet.repeat_sampling import count_labels


@pytest.mark.parametrize('num_classes', [3, 300, 70000])
def test_counts(num_classes):
    rng = np.random.default_rng(0)
    labels = [rng.integers(max(num_classes - 9, 0), num_classes, size) for size in rng.integers(0, 30, 200)]
    images = Counter(label for image in labels for label in set(image.tolist()))
    boxes = Counter(label for image in labels for label in image.tolist())
    counts = count_classes(labels, num_classes)
    assert counts.images.tolist() == [images[label] for label in range(num_classes)]
    assert counts.boxes.tolist() == [boxes[label] for label in range(num_classes)]
    assert counts.num_images == 200
    assert counts.images.dtype == counts.boxes.dtype == np.int64
    old = count_labels(labels, num_classes)  # as imbdet 0.1 has it
    np.testing.assert_array_equal([old.image_counts, old.instance_counts], [counts.images, counts.boxes])


def test_nothing_to_count():
    assert count_classes([np.empty(0, np.int64)], 2).images.tolist() == [0, 0]
    assert count_classes([], 2).boxes.tolist() == [0, 0]
    assert count_classes([], 2).num_images == 0


BOXES = [(1, 1), (1, 1), (2, 1), (3, 3), {'image_id': 3, 'category_id': 2, 'iscrowd': 1},
         {'image_id': 2, 'category_id': 3, 'ignore': 1}, (3, 9), (9, 3)]
"""With a crowd, an ignored box, and boxes of a category and an image that the file does not list."""


def test_counts_of_a_file_and_of_its_data_set(annotation_file):
    path = annotation_file(BOXES, num_images=4)
    of_file = file_counts(load_annotations(path))
    assert [of_file.images.tolist(), of_file.boxes.tolist(), of_file.num_images] == [[2, 0, 1], [3, 0, 1], 4]
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    of_dataset = dataset_counts(dataset)
    np.testing.assert_array_equal(of_dataset[:2], of_file[:2])
    assert of_dataset.num_images == 4
    twice = dataset_counts(ConcatDataset([dataset, dataset]))
    np.testing.assert_array_equal(twice.boxes, 2 * of_file.boxes)
    assert twice.num_images == 8


def test_an_image_id_that_appears_twice(annotation_file):
    """mmdet keeps one image for each id."""
    path = annotation_file([(1, 1)], images=[dict(id=1, file_name='1.jpg', width=9, height=9)] * 2)
    assert file_counts(load_annotations(path)).boxes.tolist() == [1, 0, 0]
    assert file_counts(load_annotations(path)).num_images == 1


@pytest.mark.parametrize('label', [-1, 3, 256 + 1])
def test_labels_without_a_class_are_not_counted_as_another(label):
    with pytest.raises(ValueError, match=rf'labels must be in \[0, 3\), got {label}'):
        count_classes([np.array([0, 2]), np.array([1, label])], 3)


def test_labels_without_a_class_name_the_data_set(annotation_file):
    """Labels of a class that the metainfo was left without, as of mmdet's data sets with category ids for labels."""
    dataset = CocoDataset(ann_file=str(annotation_file(BOXES, num_images=4)), data_prefix=dict(img=''),
                          metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    dataset._metainfo['classes'] = ('a', 'b')
    with pytest.raises(ValueError, match=r'CocoDataset: labels must be in \[0, 2\), got 2'):
        dataset_counts(dataset)
