"""Linear probe: how well features tell the modality of an image."""

import math

import numpy as np

MIN_PAIRS = 4


def probe_accuracy(rgb: np.ndarray, ir: np.ndarray, seed: int = 0) -> float:
    r"""Return how well a linear classifier tells visible from infrared features of pairs that it has not seen.

    Half of the pairs, chosen at random, train a logistic regression on standardized features, with an L2 penalty of
    :math:`\|w\|^2 / 2` beside the sum of the losses. The other half tests it. All features of a pair are in the same half,
    so that a classifier that remembers the scene gains nothing.

    .. math:: \text{balanced accuracy} = \frac12 \left(P(\hat y = RGB \mid RGB) + P(\hat y = IR \mid IR)\right)

    Chance is 0.5: the features hide the modality from linear classifiers.

    Args:
        rgb: Features of the visible images of N pairs, shape (N, P, C): C channels at P places.
        ir: Features of their infrared images, the same shape.
        seed: Seed of the split.

    Returns:
        The balanced accuracy, in [0, 1].

    Raises:
        ValueError: If shapes differ, there are fewer than four pairs, or features are not finite.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if rgb.shape != ir.shape or rgb.ndim != 3:
        raise ValueError(f'rgb and ir must have the same shape (pairs, places, channels), got {rgb.shape} and {ir.shape}')
    if len(rgb) < MIN_PAIRS:
        raise ValueError(f'the probe needs at least {MIN_PAIRS} pairs, got {len(rgb)}')
    if not (np.isfinite(rgb).all() and np.isfinite(ir).all()):
        raise ValueError('features must be finite; check that the checkpoint is one of a training that did not diverge')
    order = np.random.default_rng(seed).permutation(len(rgb))
    halves = []
    for chosen in (order[:len(order) // 2], order[len(order) // 2:]):
        features = np.concatenate([rgb[chosen].reshape(-1, rgb.shape[2]), ir[chosen].reshape(-1, rgb.shape[2])])
        halves.append((features, np.repeat([False, True], len(features) // 2)))
    (features, labels), (new_features, new_labels) = halves
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, labels)
    return float(balanced_accuracy_score(new_labels, classifier.predict(new_features)))


def chance_margin(num_pairs: int) -> float:
    """Return how far from 0.5 the accuracy of image features that hide the modality stays in 95 of 100 cases.

    Half of the pairs are tested. The two images of a pair are not independent, so a pair counts once: 1.96 standard
    deviations of the mean of as many fair coins, which is an upper bound.

    Args:
        num_pairs: Number of pairs, at least 2, in both halves together.

    Returns:
        The margin.
    """
    return 1.96 * 0.5 / math.sqrt(num_pairs - num_pairs // 2)
