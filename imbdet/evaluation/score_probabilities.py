"""Scores as probabilities of being correct: a slope for all classes and a shift for each."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, logit

LEAST = 1e-6
"""Scores are moved this far away from 0 and 1, where their logit is infinite."""


class ScoreProbabilities(NamedTuple):
    r"""Turns the score s of a detection of class c into the probability that it is correct.

    .. math:: p = \sigma(a \operatorname{logit}(s) + b_c)

    (Platt 1999, with one slope a, the inverse of a temperature, for all classes.) With a > 0, the ranking within a class stays.

    Attributes:
        slope: a, above 0.
        shifts: b of each class, shape (C,).
    """

    slope: float
    shifts: np.ndarray

    def apply(self, scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return the probabilities of detections.

        Args:
            scores: Scores in [0, 1], shape (n,).
            classes: Class of each, in 0..C - 1, shape (n,).

        Returns:
            Probabilities in (0, 1), shape (n,).
        """
        return expit(self.slope * logit(np.clip(scores, LEAST, 1 - LEAST)) + self.shifts[classes])


def fit_probabilities(scores: np.ndarray, classes: np.ndarray, correct: np.ndarray, num_classes: int) -> ScoreProbabilities:
    """Fit slope and shifts, by scikit-learn's logistic regression with its L2 penalty.

    The penalty keeps the shift of a class with few detections near that of all classes.

    Args:
        scores: Scores of n detections, in [0, 1], shape (n,).
        classes: Class of each, in 0..C - 1, shape (n,).
        correct: Whether each is correct, shape (n,), bool.
        num_classes: C.

    Returns:
        What was fitted.

    Raises:
        ValueError: If all detections are correct or none is, or those with higher scores are not correct more often.
    """
    from sklearn.linear_model import LogisticRegression

    if correct.all() or not correct.any():
        raise ValueError(f'{correct.sum()} of {len(correct)} detections are correct, from which no probability can be fitted')
    rows = np.arange(len(scores))
    one_hot = sparse.csr_array((np.ones(len(rows)), (rows, classes)), shape=(len(rows), num_classes))
    features = sparse.csr_array(sparse.hstack([logit(np.clip(scores, LEAST, 1 - LEAST))[:, None], one_hot]))
    regression = LogisticRegression(max_iter=1000).fit(features, correct)
    slope, shifts = float(regression.coef_[0, 0]), regression.coef_[0, 1:] + regression.intercept_[0]
    if slope <= 0:
        raise ValueError('detections with higher scores are not correct more often, so that their scores say nothing')
    return ScoreProbabilities(slope, shifts)
