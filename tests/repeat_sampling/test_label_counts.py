"""Counts of labels against sets and Counters."""

from collections import Counter

import numpy as np
import pytest

from imbdet.repeat_sampling import count_labels


@pytest.mark.parametrize('num_classes', [3, 300, 70000])
def test_counts(num_classes):
    rng = np.random.default_rng(0)
    labels = [rng.integers(max(num_classes - 9, 0), num_classes, size) for size in rng.integers(0, 30, 200)]
    images = Counter(label for image in labels for label in set(image.tolist()))
    instances = Counter(label for image in labels for label in image.tolist())
    counts = count_labels(labels, num_classes)
    assert counts.image_counts.tolist() == [images[label] for label in range(num_classes)]
    assert counts.instance_counts.tolist() == [instances[label] for label in range(num_classes)]


def test_nothing_to_count():
    assert count_labels([np.empty(0, np.int64)], 2).image_counts.tolist() == [0, 0]
    assert count_labels([], 2).instance_counts.tolist() == [0, 0]
