"""The simulation of intervals: the bootstrap against all resamples, and the pool of measured differences against loops."""

import itertools
import json

import numpy as np
import pytest

from imbdet.reports.grid.grid_results import Training, write_results


@pytest.fixture(scope='module')
def benchmark(load_tool):
    return load_tool('benchmarks/interval_coverage.py')


def write_grid(folder, name, runs):
    """Write results of runs, the first of which is the baseline, with the metric's values by seed."""
    folder.mkdir(exist_ok=True)
    baseline = next(iter(runs))
    write_results(folder / f'{name}.json', [
        Training(run, baseline, seed, 'a.py', run, {'a': value, 'b': -value, 'c': 0.5}, [], 1, 1, 0.1, 'CPU', {})
        for run, values in runs.items() for seed, value in values.items()])


def test_bootstrap_is_that_of_all_resamples(benchmark):
    values = np.array([0.013, -0.021, 0.034, 0.008, 0.027])
    means = np.array([np.mean(sample) for sample in itertools.product(values, repeat=5)])
    lowest, highest = np.percentile(means, [2, 97]) - 1e-9, np.percentile(means, [3, 98]) + 1e-9
    intervals = benchmark.percentile_bootstrap(np.array([values, values + 1, 2 * values]), np.random.default_rng(0))
    for interval, shift, factor in zip(intervals, (0, 1, 0), (1, 1, 2), strict=True):
        # 10,000 of the 3,125 resamples are drawn, so that percentiles are a little above or below the exact ones.
        assert (lowest <= (interval - shift) / factor).all()
        assert (highest >= (interval - shift) / factor).all()


def test_student_t_of_each_trial(benchmark):
    """Two differences d apart: 12.706 / sqrt(2) standard deviations of d / sqrt(2) to each side of their mean."""
    intervals = benchmark.student_t(np.array([[0.1, 0.2], [1.0, 1.4]]))
    np.testing.assert_allclose(intervals, [[0.15 - 0.6353, 0.15 + 0.6353], [1.2 - 2.5412, 1.2 + 2.5412]], atol=1e-3)


def test_coverage_counts_intervals_that_contain_zero(benchmark):
    assert benchmark.coverage(np.array([[-1.0, 1.0], [0.5, 1.0], [-3.0, -0.5], [0.0, 2.0]])) == (0.5, pytest.approx(1.75))


def test_measured_differences_are_paired_by_seed(benchmark, tmp_path):
    write_grid(tmp_path, 'one', {'base': {0: 0.1, 1: 0.3, 2: 0.2}, 'rfs': {2: 0.5, 1: 0.4, 0: 0.4},
                                 'two seeds': {0: 0.4, 1: 0.3}})
    write_grid(tmp_path, 'two', {'base': dict.fromkeys(range(4), 0.1), 'rfs': {0: 0.2, 1: 0.3, 2: 0.4, 7: 0.9}})
    found = benchmark.measured_differences(tmp_path)
    expected = [[0.3, 0.1, 0.3], [-0.3, -0.1, -0.3], [0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]  # without metric c, always 0.5
    np.testing.assert_allclose(found, expected)
    one, _, two, _ = np.split(benchmark.standardize(found), 4)
    np.testing.assert_allclose(two, [-1, 0, 1], atol=1e-12)
    np.testing.assert_allclose([one.mean(), one.std(ddof=1)], [0, 1], atol=1e-12)


def test_the_table_repeats_and_shows_that_only_t_holds(benchmark, tmp_path):
    write_grid(tmp_path, 'one', {'base': dict.fromkeys(range(5), 0.1), 'rfs': dict(enumerate([0.2, 0.1, 0.4, 0.3, 0.3]))})
    rows = list(benchmark.rows(tmp_path, 20, 0))
    assert rows == list(benchmark.rows(tmp_path, 20, 0))
    assert rows != list(benchmark.rows(tmp_path, 20, 1))
    assert [row[1] for row in rows] == ['3', '5', '10'] * 4
    for row in itertools.islice(benchmark.rows(tmp_path, 400, 0), 3):  # normal
        bootstrap, student = float(row[2].split()[0]), float(row[4].split()[0])
        assert bootstrap < student
        assert abs(student - 95) < 3.3  # three standard errors of 400 trials


def test_every_stored_results_file_is_read(benchmark):
    files = sorted(benchmark.RESULTS.glob('*.json'))
    assert all(json.loads(path.read_text()) for path in files)
    assert len(benchmark.measured_differences(benchmark.RESULTS)) > 100
