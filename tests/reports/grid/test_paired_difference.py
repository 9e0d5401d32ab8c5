"""Paired differences against numbers worked by hand and against every resample."""

import itertools

import numpy as np
import pytest

from imbdet.reports.grid.paired_difference import paired_difference

NAN = float('nan')


def test_worked_values():
    found = paired_difference({0: 0.5, 1: 0.7, 2: 0.6, 9: 0.9}, {2: 0.5, 1: 0.4, 0: 0.4, 7: 0.1})
    assert found.mean == pytest.approx((0.1 + 0.3 + 0.1) / 3)
    assert found.deviation == pytest.approx(np.sqrt((2 * (0.1 - 0.5 / 3)**2 + (0.3 - 0.5 / 3)**2) / 2))
    assert found.pairs == 3


def test_interval_is_that_of_all_resamples():
    values = [0.013, -0.021, 0.034, 0.008, 0.027]
    means = np.array([np.mean(sample) for sample in itertools.product(values, repeat=5)])
    found = paired_difference(dict(enumerate(values)), dict.fromkeys(range(5), 0.0))
    # The draws are 10,000 of the 3,125 resamples: of the exact percentiles a little above and below.
    assert np.percentile(means, 2.0) <= found.low <= np.percentile(means, 3.0)
    assert np.percentile(means, 97.0) <= found.high <= np.percentile(means, 98.0)


def test_it_repeats_and_depends_on_the_seed():
    values, baseline = {seed: np.sin(seed) for seed in range(12)}, dict.fromkeys(range(12), 0.0)
    assert paired_difference(values, baseline) == paired_difference(values, baseline)
    assert paired_difference(values, baseline).low != paired_difference(values, baseline, seed=1).low


def test_pairs_lost_in_noise_are_told_apart():
    """A gain of 0.01 in each of ten seeds that differ by 0.1: pairs see it."""
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
