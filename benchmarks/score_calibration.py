"""Scores turned into probabilities of being correct, class by class, with scikit-learn: does it raise AP^pool?

Used by benchmarks/calibration.py. A detection is correct if it matches an object of its class with an IoU of at least 0.5. The
scores of each fifth of the images are turned into probabilities that are fitted on the other four.
"""

from collections.abc import Callable

import numpy as np
from sklearn.isotonic import IsotonicRegression

from imbdet.evaluation.detections import Detections, cap_detections
from imbdet.evaluation.ground_truth import GroundTruth
from imbdet.evaluation.matching import NONE, match_detections
from imbdet.evaluation.score_probabilities import fit_probabilities
from imbdet.reports.calibration.sweep import HeldOut, gain, parts

ENOUGH = 20
"""Correct detections from which on a class has an isotonic fit of its own."""

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Maps scores and classes to probabilities."""


def isotonic(scores: np.ndarray, classes: np.ndarray, correct: np.ndarray, num_classes: int) -> Predict:
    """Fit isotonic regressions: one for each class with enough correct detections, and one of all classes for the others."""
    def fit(rows: np.ndarray) -> IsotonicRegression:
        return IsotonicRegression(y_min=0, y_max=1, out_of_bounds='clip').fit(scores[rows], correct[rows])

    of_all = fit(np.ones(len(scores), dtype=bool))
    own = {each: fit(classes == each) for each in range(num_classes) if correct[classes == each].sum() >= ENOUGH}

    def predict(new_scores: np.ndarray, new_classes: np.ndarray) -> np.ndarray:
        found = of_all.predict(new_scores)
        for each, regression in own.items():
            rows = new_classes == each
            if rows.any():
                found[rows] = regression.predict(new_scores[rows])
        return found + 1e-6 * new_scores  # steps have equal values; within one, the old order stays

    return predict


def probabilities(scores: np.ndarray, classes: np.ndarray, correct: np.ndarray, num_classes: int) -> Predict:
    """Fit a slope for all classes and a shift for each, as ``imbdet thresholds`` does."""
    return fit_probabilities(scores, classes, correct, num_classes).apply


def gains(held_out: HeldOut, detections: Detections, fit: Callable[..., Predict], folds: int = 5,
          seed: int = 0) -> list[dict[str, float]]:
    """Judge each part of the images with scores that were fitted on the others.

    Args:
        held_out: The annotations.
        detections: The detections.
        fit: :func:`isotonic` or :func:`probabilities`.
        folds: Parts of the images.
        seed: Seed of the division.

    Returns:
        What each part gains.
    """
    truth = GroundTruth(held_out.path, held_out.style, held_out.images, masks=False)
    numbered = truth.with_image_numbers(detections)
    matches = match_detections(truth, cap_detections(numbered, held_out.style), held_out.category_ids, 'bbox')
    classes = np.searchsorted(held_out.category_ids, detections.category_ids)
    found = []
    for part in parts(held_out.images, folds, seed):
        inside = np.isin(detections.image_ids, list(part))
        rest = ~np.isin(matches.images, numbered.image_ids[inside])
        predict = fit(matches.scores[rest], matches.classes[rest], matches.objects[rest] != NONE, len(held_out.category_ids))
        new = detections._replace(scores=predict(detections.scores, classes))
        found.append(gain(held_out, detections, new, part))
    return found
