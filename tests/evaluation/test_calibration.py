"""Reliability against loops and by hand."""

import itertools

import numpy as np
import pytest

from imbdet.evaluation.calibration import pool, reliability


def by_loops(scores, correct, num_bins):
    """For each bin count, mean score and precision; and D-ECE."""
    edges = np.linspace(0, 1, num_bins + 1)
    rows, error = [], 0.0
    for low, high in itertools.pairwise(edges):
        members = [index for index, score in enumerate(scores) if low <= score < high or (score == 1 and high == 1)]
        mean = sum(scores[index] for index in members) / len(members) if members else None
        precision = sum(correct[index] for index in members) / len(members) if members else None
        rows.append((len(members), mean, precision))
        if members:
            error += len(members) / len(scores) * abs(precision - mean)
    return rows, error


@pytest.mark.parametrize('num_bins', [1, 10, 20])
@pytest.mark.parametrize('seed', [0, 1])
def test_against_loops(seed, num_bins):
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.5, 2, 60)
    scores[:3] = 0, 1, np.linspace(0, 1, num_bins + 1)[-2]  # limits of bins
    correct = rng.random(60) < scores
    rows, error = by_loops(scores.tolist(), correct.tolist(), num_bins)
    found = reliability(scores, correct, num_bins)
    assert found.error == pytest.approx(error)
    for index, (count, mean, precision) in enumerate(rows):
        assert found.counts[index] == count
        if count:
            assert (found.mean_scores[index], found.precisions[index]) == (pytest.approx(mean), pytest.approx(precision))
        else:
            assert np.isnan(found.mean_scores[index])
            assert np.isnan(found.precisions[index])


def test_by_hand():
    """Four detections of score 0.8, one of them correct, and two of score 0.1, both wrong."""
    found = reliability(np.array([0.85] * 4 + [0.15] * 2), np.array([True] + [False] * 5))
    assert found.counts.tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 4, 0]
    assert found.error == pytest.approx(4 / 6 * (0.85 - 0.25) + 2 / 6 * 0.15)
    assert reliability(np.full(4, 0.25), np.array([True, False, False, False])).error == 0


def test_nothing_detected():
    found = reliability(np.empty(0), np.empty(0, dtype=bool))
    assert found.counts.tolist() == [0] * 10
    assert np.isnan(found.error)


def test_pooled_is_all_together():
    rng = np.random.default_rng(0)
    scores, correct = rng.random(50), rng.random(50) < 0.5
    pooled = pool([reliability(scores[part], correct[part]) for part in (slice(0, 20), slice(20, 50))])
    expected = reliability(scores, correct)
    for column, other in zip(pooled, expected, strict=True):
        np.testing.assert_allclose(column, other)
    assert pooled.error == pytest.approx(expected.error)
