"""Score thresholds: where F1 is highest, or from where on precision is high enough."""

from collections.abc import Callable

import numpy as np

FEW_BOXES = 20
"""Boxes of a class at which its own threshold and that of its group count equally."""

Choose = Callable[[np.ndarray, np.ndarray, int], float]
"""Chooses a threshold from the scores of n detections, whether each is correct, and the number of objects."""


def f1_threshold(scores: np.ndarray, correct: np.ndarray, num_objects: int) -> float:
    r"""Choose the threshold of the highest F1.

    .. math:: F_1(t) = \frac{2 \, TP(t)}{D(t) + G}

    with the D(t) detections above t, of which TP(t) are correct, and G objects.

    Args:
        scores: Scores of n detections, in [0, 1], shape (n,).
        correct: Whether each is correct, shape (n,), bool.
        num_objects: Number of objects, G.

    Returns:
        The threshold, in [0, 1], halfway between the lowest score that is kept and the next; among several, the highest. If no
        detection is correct, 1, above which nothing is.
    """
    kept, true_positives, thresholds = _cuts(scores, correct)
    f1 = 2 * true_positives / np.maximum(kept + num_objects, 1)
    return float(thresholds[f1.argmax()]) if true_positives.any() else 1.0


def precision_threshold(precision: float) -> Choose:
    """Make a function that chooses the lowest threshold above which precision is high enough.

    Args:
        precision: Wished share of correct detections among those that are kept, in (0, 1].

    Returns:
        A function as :func:`f1_threshold`. It returns 1, above which nothing is, if precision is lower everywhere.

    Raises:
        ValueError: If the precision is out of range.
    """
    if not 0 < precision <= 1:
        raise ValueError(f'precision must be in (0, 1], got {precision}')

    def choose(scores: np.ndarray, correct: np.ndarray, num_objects: int) -> float:
        kept, true_positives, thresholds = _cuts(scores, correct)
        enough = np.flatnonzero((true_positives >= precision * kept) & (kept > 0))
        return float(thresholds[enough[-1]]) if len(enough) else 1.0

    return choose


def class_thresholds(scores: np.ndarray, correct: np.ndarray, classes: np.ndarray, num_objects: np.ndarray, groups: np.ndarray,
                     choose: Choose, few_boxes: float = FEW_BOXES) -> np.ndarray:
    r"""Choose a threshold for each class, shrunk to its group's where the class has few objects.

    .. math:: t_c = \frac{G_c \, t'_c + m \, t_g}{G_c + m}

    with the class's own choice t'_c, the choice t_g for all classes of its group together, and m = ``few_boxes``.

    Args:
        scores: Scores of n detections, in [0, 1], shape (n,).
        correct: Whether each is correct, shape (n,), bool.
        classes: Class of each, shape (n,), int64.
        num_objects: Objects of each class, G_c, shape (C,), int64.
        groups: Group of each class, such as ``'r'``, shape (C,).
        choose: How to choose, such as :func:`f1_threshold`.
        few_boxes: m, at least 0; 0: no shrinkage but for classes without objects.

    Returns:
        The threshold of each class, shape (C,), float64, in [0, 1].
    """
    thresholds = np.empty(len(num_objects))
    order = np.argsort(classes, kind='stable')
    starts = np.searchsorted(classes[order], np.arange(len(num_objects) + 1))
    for group in np.unique(groups):
        members = groups == group
        inside = members[classes]
        of_group = choose(scores[inside], correct[inside], int(num_objects[members].sum()))
        for position in np.flatnonzero(members):
            rows = order[starts[position]:starts[position + 1]]
            number = int(num_objects[position])
            own = choose(scores[rows], correct[rows], number) if number else of_group
            thresholds[position] = (number * own + few_boxes * of_group) / (number + few_boxes) if number else of_group
    return thresholds


def _cuts(scores: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return detections kept, those correct, and thresholds, from none kept to all; equal scores stay together."""
    order = np.argsort(-scores, kind='stable')
    sorted_scores = scores[order]
    is_last = np.append(sorted_scores[1:] != sorted_scores[:-1], True)[:len(scores)]  # of the detections with its score
    kept = np.append(0, np.flatnonzero(is_last) + 1)
    true_positives = np.append(0, np.cumsum(correct[order])[is_last])
    above = np.append(1.0, sorted_scores[is_last])
    below = np.append(above[1:], 0.0)
    thresholds = (above + below) / 2
    thresholds[0] = 1.0
    return kept, true_positives, thresholds
