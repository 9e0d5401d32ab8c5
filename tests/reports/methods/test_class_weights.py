"""Mean weights of classes against a loop over the boxes."""

import numpy as np
import pytest

from imbdet.reports.methods.class_weights import class_weights


def test_worked_by_hand():
    labels = [np.array([0, 0, 2]), np.array([], dtype=np.int64), np.array([2])]
    classes = class_weights(labels, np.array([0.5, 0.9, 1.0]), ('a', 'b', 'c'))
    assert classes.names == ('a', 'b', 'c')
    assert classes.images.tolist() == [1, 0, 2]
    assert classes.boxes.tolist() == [2, 0, 2]
    np.testing.assert_allclose(classes.mean_weight, [0.5, np.nan, 0.75])


@pytest.mark.parametrize('seed', range(4))
def test_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 6, rng.integers(0, 5)) for _ in range(30)]
    weights = rng.random(30)
    classes = class_weights(labels, weights, tuple('abcdefgh'))
    for label in range(8):
        of_class = [weight for image, weight in zip(labels, weights, strict=True) for box in image if box == label]
        assert classes.boxes[label] == len(of_class)
        assert classes.images[label] == sum(label in image.tolist() for image in labels)
        if of_class:
            assert classes.mean_weight[label] == pytest.approx(sum(of_class) / len(of_class))
        else:
            assert np.isnan(classes.mean_weight[label])
    assert np.isnan(classes.mean_weight).sum() >= 2


def test_no_boxes_at_all():
    classes = class_weights([np.empty(0, np.int64)] * 2, np.array([0.5, 1.0]), ('a', 'b'))
    assert classes.boxes.tolist() == classes.images.tolist() == [0, 0]
    assert np.isnan(classes.mean_weight).all()
