"""Thresholds against every possible one, tried in a loop."""

import numpy as np
import pytest

from imbdet.evaluation.score_thresholds import class_thresholds, f1_threshold, precision_threshold


def f1_at(threshold, scores, correct, num_objects):
    kept = scores > threshold
    return 2 * np.count_nonzero(kept & correct) / max(np.count_nonzero(kept) + num_objects, 1)


@pytest.fixture(params=range(20))
def case(request):
    rng = np.random.default_rng(request.param)
    number = int(rng.integers(1, 60))
    scores = rng.integers(0, 20, number) / 20 if request.param % 2 else rng.random(number)  # with ties, and without
    correct = rng.random(number) < scores
    return scores, correct, int(np.count_nonzero(correct) + rng.integers(0, 10))


def candidates(scores):
    values = np.unique(np.append(scores, [0, 1]))
    return np.append((values[1:] + values[:-1]) / 2, 1.0)


def test_f1_is_the_highest_there_is(case):
    best = max(f1_at(threshold, *case) for threshold in candidates(case[0]))
    assert f1_at(f1_threshold(*case), *case) == pytest.approx(best)


@pytest.mark.parametrize('precision', [0.3, 0.6, 1.0])
def test_the_lowest_threshold_of_a_precision(case, precision):
    scores, correct, number = case
    chosen = precision_threshold(precision)(scores, correct, number)
    enough = [t for t in candidates(scores) if (scores > t).any() and correct[scores > t].mean() >= precision]
    kept = scores > chosen
    if not enough:
        assert chosen == 1.0
        return
    assert correct[kept].mean() >= precision
    assert np.count_nonzero(kept) == max(np.count_nonzero(scores > t) for t in enough)


def test_worked_by_hand():
    """Right, right, wrong, right at .9, .7, .5, .3; 4 objects: F1 is 2/5, 4/6, 4/7, 6/8."""
    scores, correct = np.array([0.9, 0.7, 0.5, 0.3]), np.array([True, True, False, True])
    assert f1_threshold(scores, correct, 4) == pytest.approx(0.15)  # halfway from 0.3 to 0
    assert f1_threshold(scores[:3], correct[:3], 4) == pytest.approx(0.6)
    assert precision_threshold(0.75)(scores, correct, 4) == pytest.approx(0.15)
    assert precision_threshold(0.8)(scores, correct, 4) == pytest.approx(0.6)


def test_without_correct_detections_nothing_is_kept():
    nothing = np.empty(0), np.empty(0, dtype=bool), 3
    wrong = np.array([0.4, 0.2]), np.zeros(2, dtype=bool), 3
    for choose in (f1_threshold, precision_threshold(0.5)):
        assert choose(*nothing) == 1.0
        assert choose(*wrong) == 1.0


def test_few_boxes_shrink_to_their_group():
    """Class 0 has 60 objects and its own threshold counts 3/4; class 1 has none, class 2 is in a group of its own."""
    scores = np.array([0.8] * 30 + [0.2] * 30 + [0.6, 0.4])
    correct = np.array([True] * 30 + [False] * 30 + [True, False])
    classes = np.array([0] * 60 + [2, 2])
    found = class_thresholds(scores, correct, classes, np.array([60, 0, 1]), np.array(['f', 'f', 'r']), f1_threshold, 20)
    assert found == pytest.approx([0.5, 0.5, 0.5])
    groups = np.array(['f', 'f', 'f'])
    own, of_group = f1_threshold(scores[:60], correct[:60], 60), f1_threshold(scores, correct, 61)
    found = class_thresholds(scores, correct, classes, np.array([60, 0, 1]), groups, f1_threshold, 20)
    assert found == pytest.approx([(60 * own + 20 * of_group) / 80, of_group, (1 * 0.5 + 20 * of_group) / 21])
    unshrunk = class_thresholds(scores, correct, classes, np.array([60, 0, 1]), groups, f1_threshold, 0)
    assert unshrunk == pytest.approx([own, of_group, 0.5])


@pytest.mark.parametrize('precision', [0, -1, 1.1, float('nan')])
def test_bad_precision_is_named(precision):
    with pytest.raises(ValueError, match=r'precision must be in \(0, 1\], got'):
        precision_threshold(precision)
