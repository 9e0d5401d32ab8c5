"""Whether scores are probabilities: precision by score, and the detection expected calibration error."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NUM_BINS = 10


class Reliability(NamedTuple):
    r"""Precision in B score bins of equal width (Küppers et al., arXiv 2004.13546, binned by the score alone).

    .. math:: \mathrm{D\mbox{-}ECE} = \sum_b \frac{n_b}{n} \, | \mathrm{precision}(b) - \mathrm{score}(b) |

    with the precision and the mean score of the n_b detections of bin b, of n in all.

    Attributes:
        edges: Limits of the bins, shape (B + 1,), from 0 to 1. A bin has its lower limit, the last its upper one too.
        counts: Detections in each, shape (B,), int64.
        score_sums: Sum of their scores, shape (B,), float64.
        num_correct: How many of them are correct, shape (B,), int64.
    """

    edges: np.ndarray
    counts: np.ndarray
    score_sums: np.ndarray
    num_correct: np.ndarray

    @property
    def mean_scores(self) -> np.ndarray:
        """Mean score of each bin, shape (B,), NaN for an empty one."""
        return self.score_sums / np.where(self.counts, self.counts, np.nan)

    @property
    def precisions(self) -> np.ndarray:
        """Share of each bin that is correct, shape (B,), NaN for an empty one."""
        return self.num_correct / np.where(self.counts, self.counts, np.nan)

    @property
    def error(self) -> float:
        """The detection expected calibration error D-ECE, in [0, 1]; NaN without detections."""
        total = self.counts.sum()
        return float(np.abs(self.num_correct - self.score_sums).sum() / total) if total else float('nan')


def reliability(scores: np.ndarray, correct: np.ndarray, num_bins: int = NUM_BINS) -> Reliability:
    """Compare scores with precision.

    A detection is correct if it has found an object in the matching of evaluation, each object by one detection only, so
    that duplicates are errors.

    Args:
        scores: Of n detections, in [0, 1], shape (n,).
        correct: Whether each is correct, shape (n,), bool.
        num_bins: Number of bins, B.

    Returns:
        The bins.
    """
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.digitize(scores, edges[1:-1])
    return Reliability(edges, np.bincount(bins, minlength=num_bins), np.bincount(bins, scores, num_bins),
                       np.bincount(bins[correct], minlength=num_bins))


def pool(parts: Sequence[Reliability]) -> Reliability:
    """Put the detections of several, such as of several seeds, into the same bins.

    Args:
        parts: With the same bins, at least one.

    Returns:
        All of them together.
    """
    sums = [np.sum(column, axis=0) for column in list(zip(*parts, strict=True))[1:]]
    return Reliability(parts[0].edges, *sums)
