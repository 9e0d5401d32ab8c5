"""Scores as probabilities: what the penalized likelihood says of the fit, and known curves found again."""

import numpy as np
import pytest
from scipy.optimize import minimize

from imbdet.evaluation.score_probabilities import ScoreProbabilities, fit_probabilities

SHIFTS = np.array([-1.0, 0.5, 2.0, 0.0])


def make(number, seed=0):
    """Detections of four classes, of the last of which there are five."""
    rng = np.random.default_rng(seed)
    scores = rng.random(number)
    classes = np.append(rng.integers(0, 3, number - 5), np.full(5, 3))
    logits = 0.7 * np.log(scores / (1 - scores)) + SHIFTS[classes]
    return scores, classes, rng.random(number) < 1 / (1 + np.exp(-logits))


def test_a_known_curve_is_found():
    scores, classes, correct = make(40000)
    found = fit_probabilities(scores, classes, correct, 5)
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.shifts[:3] == pytest.approx(SHIFTS[:3], abs=0.06)


def test_the_fit_is_the_optimum_of_the_penalized_likelihood():
    """With an optimizer of its own, of scipy, on the formula."""
    scores, classes, correct = make(300)
    logits, signs = np.log(scores / (1 - scores)), np.where(correct, 1, -1)

    def objective(values):
        slope, base, shifts = values[0], values[1], values[2:]
        margins = signs * (slope * logits + base + shifts[classes])
        return np.logaddexp(0, -margins).sum() + 0.5 * (slope**2 + (shifts**2).sum())

    best = minimize(objective, np.zeros(7), tol=1e-10).x
    found = fit_probabilities(scores, classes, correct, 5)
    assert found.slope == pytest.approx(best[0], abs=2e-3)
    assert found.shifts == pytest.approx(best[1] + best[2:], abs=2e-3)
    assert abs(found.shifts[3] - best[1]) < abs(found.shifts[2] - best[1])  # five detections move it less
    assert found.shifts[4] == pytest.approx(best[1], abs=2e-3)  # none: as all classes


def test_probabilities_by_hand():
    scores, classes = np.array([0.5, 0.5, 0.75, 0.0, 1.0]), np.array([0, 1, 0, 0, 1])
    found = ScoreProbabilities(2.0, np.array([0.0, np.log(3)])).apply(scores, classes)
    assert found == pytest.approx([0.5, 0.75, 0.9, 0, 1], abs=1e-9)
    assert np.all((found > 0) & (found < 1))


@pytest.mark.parametrize(('correct', 'message'), [
    ([0, 0, 0, 0], '0 of 4 detections are correct, from which no probability can be fitted'),
    ([1, 1, 1, 1], '4 of 4 detections are correct'),
    ([1, 1, 0, 0], 'detections with higher scores are not correct more often')
])
def test_what_says_nothing_is_named(correct, message):
    with pytest.raises(ValueError, match=message):
        fit_probabilities(np.array([0.1, 0.2, 0.8, 0.9]), np.zeros(4, int), np.array(correct, bool), 1)
