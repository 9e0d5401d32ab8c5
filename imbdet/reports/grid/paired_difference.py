"""How much a run differs from a baseline that was trained with the same seeds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95


class PairedDifference(NamedTuple):
    """Mean difference over the seeds that two runs share, NaN where too few seeds define a number.

    Attributes:
        mean: Mean of the differences.
        deviation: Their standard deviation (of the sample).
        low: Lower end of the 95 % interval of the mean.
        high: Upper end of it.
        pairs: Number of seeds that both have.
    """

    mean: float
    deviation: float
    low: float
    high: float
    pairs: int


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float], seed: int = 0) -> PairedDifference:
    """Compare two runs seed by seed.

    The interval is the percentile bootstrap's (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): of
    10,000 means of as many differences, drawn with replacement, the 2.5 and 97.5 percentiles. Of few seeds it is too narrow:
    for five normal differences it holds the true mean in about 83 of 100 cases.

    Args:
        values: The run's number for each seed; NaN where it has none.
        baseline: The same of the baseline.
        seed: Of the draws.

    Returns:
        The run minus the baseline.
    """
    both = np.array([values[key] - baseline[key] for key in sorted(values.keys() & baseline.keys())])
    both = both[~np.isnan(both)]
    nan = float('nan')
    if len(both) < 2:
        return PairedDifference(float(both[0]) if len(both) else nan, nan, nan, nan, len(both))
    means = np.random.default_rng(seed).choice(both, (RESAMPLES, len(both))).mean(1)
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return PairedDifference(float(both.mean()), float(both.std(ddof=1)), float(low), float(high), len(both))
