"""Calibration of scores: precision by score, and the detection expected calibration error (D-ECE)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NUM_BINS = 10


class Reliability(NamedTuple):
    r"""Precision in B score bins of equal width (Küppers et al., arXiv 2004.13546, binned only by score).

    .. math:: \mathrm{D\mbox{-}ECE} = \sum_b \frac{n_b}{n} \, | \mathrm{precision}(b) - \mathrm{score}(b) |

    with the precision and the mean score of the n_b detections of bin b, and n detections in total.

    Attributes:
        edges: Limits of the bins, shape (B + 1,), from 0 to 1. A bin includes its lower limit, the last one also its upper.
        counts: Detections in each bin, shape (B,), int64.
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
    """Compare the scores of detections with their precision.

    A detection is correct if it was matched with an object. Each object is matched only once, so duplicates are errors.

    Args:
        scores: Scores of n detections, in [0, 1], shape (n,).
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
    """Add up several reliabilities, such as those of several seeds.

    Args:
        parts: Reliabilities with the same bins, at least one.

    Returns:
        Their sum.
    """
    sums = [np.sum(column, axis=0) for column in list(zip(*parts, strict=True))[1:]]
    return Reliability(parts[0].edges, *sums)
