"""Paired difference of a run and its baseline over seeds, with a t interval."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t

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


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> PairedDifference:
    r"""Compare two runs seed by seed.

    The interval is that of Student's paired t test (Student, The Probable Error of a Mean, Biometrika 6, 1908):

    .. math:: \bar d \pm t_{n-1,\,0.975} \, s / \sqrt n

    with the mean :math:`\bar d` and the standard deviation s of n differences. For independent, normally distributed
    differences it contains the true mean in 95 of 100 cases, with two seeds as with many;
    ``benchmarks/interval_coverage.py`` measures it for other ones. Differences that are all equal give an interval of width 0.

    Args:
        values: The run's value by seed; NaN if undefined.
        baseline: The baseline's value by seed.

    Returns:
        Statistics of the run minus the baseline. Of one pair, only the mean is defined.
    """
    both = np.array([values[key] - baseline[key] for key in sorted(values.keys() & baseline.keys())])
    both = both[~np.isnan(both)]
    pairs, nan = len(both), float('nan')
    if pairs < 2:
        return PairedDifference(float(both[0]) if pairs else nan, nan, nan, nan, pairs)
    mean, deviation = float(both.mean()), float(both.std(ddof=1))
    margin = float(t.ppf((1 + LEVEL) / 2, pairs - 1)) * deviation / pairs**0.5
    return PairedDifference(mean, deviation, mean - margin, mean + margin, pairs)
