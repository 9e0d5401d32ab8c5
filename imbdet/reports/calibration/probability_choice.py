"""Scores turned into probabilities that were fitted on one half of the images and are judged on the other."""

from typing import NamedTuple

import numpy as np

from imbdet.evaluation.matching import NONE, Matches
from imbdet.evaluation.score_probabilities import ScoreProbabilities, fit_probabilities
from imbdet.reports.calibration.halves import halves


class ProbabilityChoice(NamedTuple):
    """Probabilities, and how good they are on images that they were not fitted on.

    Attributes:
        fitted: Fitted on all images.
        scores: Scores of D detections, shape (D,).
        probabilities: Their probabilities, fitted on the half of the images that they are not in, shape (D,).
        correct: Whether each is correct, shape (D,), bool.
        classes: Class of each, shape (D,).
        pooled_ap: Average precision of all classes ranked together, by scores and by probabilities: the mean of both halves.
    """

    fitted: ScoreProbabilities
    scores: np.ndarray
    probabilities: np.ndarray
    correct: np.ndarray
    classes: np.ndarray
    pooled_ap: tuple[float, float]


def choose_probabilities(matches: Matches, num_classes: int, seed: int = 0) -> ProbabilityChoice:
    """Fit probabilities on all images, and judge them by halves.

    Args:
        matches: Detections and objects.
        num_classes: Number of classes.
        seed: Seed of the division into halves.

    Returns:
        The probabilities and what they are worth.

    Raises:
        ValueError: If there are fewer than two images, or the detections of a half allow no fit.
    """
    parts = halves(matches, seed)
    correct, scores, classes = matches.objects != NONE, matches.scores, matches.classes
    probabilities = np.zeros(len(scores))
    aps = []
    for chosen in (parts.is_first, ~parts.is_first):
        inside, other = chosen[parts.rows], ~chosen[parts.rows]
        fitted = fit_probabilities(scores[other], classes[other], correct[other], num_classes)
        probabilities[inside] = fitted.apply(scores[inside], classes[inside])
        number = int(chosen[parts.object_rows].sum())
        aps.append([pooled_ap(values[inside], correct[inside], number) for values in (scores, probabilities)])
    before, after = np.mean(aps, axis=0)
    return ProbabilityChoice(fit_probabilities(scores, classes, correct, num_classes), scores, probabilities, correct, classes,
                             (float(before), float(after)))


def pooled_ap(scores: np.ndarray, correct: np.ndarray, num_objects: int) -> float:
    """Compute the average precision of detections of all classes, ranked together.

    Args:
        scores: Scores, shape (n,).
        correct: Whether each is correct, shape (n,), bool.
        num_objects: Number of objects, above 0.

    Returns:
        The area under precision against recall, without interpolation, in [0, 1].
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(correct, scores)) * correct.sum() / num_objects if correct.any() else 0.0
