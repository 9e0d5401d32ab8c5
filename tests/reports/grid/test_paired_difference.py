"""Paired differences against numbers worked by hand, with quantiles of t from a printed table."""

import numpy as np
import pytest

from imbdet.reports.grid.paired_difference import paired_difference

NAN = float('nan')
T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262, 31: 2.042}
"""The 97.5 percent quantile of Student's t by the number of pairs, which is one more than the degrees of freedom."""


def test_worked_values():
    found = paired_difference({0: 0.5, 1: 0.7, 2: 0.6, 9: 0.9}, {2: 0.5, 1: 0.4, 0: 0.4, 7: 0.1})
    assert found.mean == pytest.approx((0.1 + 0.3 + 0.1) / 3)
    assert found.deviation == pytest.approx(np.sqrt((2 * (0.1 - 0.5 / 3)**2 + (0.3 - 0.5 / 3)**2) / 2))
    assert found.pairs == 3


def test_hours_of_sleep_of_student():
    """Gain by the second of two drugs in ten patients; mean and interval as in textbooks."""
    gains = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    found = paired_difference({patient: first[patient] + gain for patient, gain in enumerate(gains)}, dict(enumerate(first)))
    assert (found.mean, found.deviation, found.pairs) == (pytest.approx(1.58), pytest.approx(1.230, abs=5e-4), 10)
    assert (found.low, found.high) == (pytest.approx(0.7001142), pytest.approx(2.4598858))


@pytest.mark.parametrize('pairs', T_975)
def test_interval_is_that_of_a_printed_table(pairs):
    rng = np.random.default_rng(pairs)
    values, baseline = rng.normal(0.3, 0.02, pairs), rng.normal(0.28, 0.02, pairs)
    differences = values - baseline
    mean = sum(differences) / pairs
    error = (sum((each - mean)**2 for each in differences) / (pairs - 1) / pairs)**0.5
    found = paired_difference(dict(enumerate(values)), dict(enumerate(baseline)))
    expected = [mean - T_975[pairs] * error, mean + T_975[pairs] * error]
    assert [found.low, found.high] == pytest.approx(expected, abs=6e-4 * error)  # the table has three decimals


def test_equal_differences_have_an_interval_without_width():
    found = paired_difference({seed: seed + 0.25 for seed in range(4)}, {seed: float(seed) for seed in range(4)})
    assert found == (0.25, 0.0, 0.25, 0.25, 4)


def test_a_gain_smaller_than_the_noise_is_seen_in_pairs():
    """A gain of 0.01 in each of ten seeds that differ by 0.1."""
    rng = np.random.default_rng(0)
    baseline = dict(enumerate(rng.normal(0.3, 0.1, 10)))
    found = paired_difference({seed: value + 0.01 + 0.001 * (-1)**seed for seed, value in baseline.items()}, baseline)
    assert 0.009 < found.low < 0.01 < found.high < 0.011


@pytest.mark.parametrize(('values', 'mean', 'pairs'), [({}, NAN, 0), ({3: 0.2}, NAN, 0), ({0: 0.3}, 0.2, 1),
                                                       ({0: 0.3, 1: NAN}, 0.2, 1)])
def test_too_few_pairs(values, mean, pairs):
    found = paired_difference(values, {0: 0.1, 1: 0.1})
    assert found.mean == pytest.approx(mean, nan_ok=True)
    assert found.pairs == pairs
    assert np.isnan([found.deviation, found.low, found.high]).all()
