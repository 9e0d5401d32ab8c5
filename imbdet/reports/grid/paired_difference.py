"""Paired difference of a run and its baseline over seeds, with a bootstrap interval."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95


class PairedDifference(NamedTuple):
    """Mean difference over the seeds that two runs share; NaN if there are too few seeds.

    Attributes:
        mean: Mean of the differences.
        deviation: Their standard deviation (of the sample).
        low: Lower end of the 95 % interval of the mean.
        high: Upper end of the interval.
        pairs: Number of seeds that both have.
    """

    mean: float
    deviation: float
    low: float
    high: float
    pairs: int


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float], seed: int = 0) -> PairedDifference:
    """Compare two runs seed by seed.

    The interval is a percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): the 2.5
    and 97.5 percentiles of 10,000 means of the differences, resampled with replacement. With few seeds it is too narrow: for
    five normal differences it contains the true mean in about 83 of 100 cases.

    Args:
        values: The run's value by seed; NaN if undefined.
        baseline: The baseline's value by seed.
        seed: Seed of the resampling.

    Returns:
        Statistics of the run minus the baseline.
    """
    both = np.array([values[key] - baseline[key] for key in sorted(values.keys() & baseline.keys())])
    both = both[~np.isnan(both)]
    nan = float('nan')
    if len(both) < 2:
        return PairedDifference(float(both[0]) if len(both) else nan, nan, nan, nan, len(both))
    means = np.random.default_rng(seed).choice(both, (RESAMPLES, len(both))).mean(1)
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return PairedDifference(float(both.mean()), float(both.std(ddof=1)), float(low), float(high), len(both))
