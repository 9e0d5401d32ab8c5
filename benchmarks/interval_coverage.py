"""How often the intervals of ``imbdet grid`` contain the true difference, by simulation: a Markdown table.

    python benchmarks/interval_coverage.py [--trials 5000] [--seed 0]

In each trial, some differences of known mean are drawn, and two 95 % intervals of their mean are computed: Student's t, which
``imbdet grid`` shows, and the percentile bootstrap over seeds, which it showed before. The differences are

- normal;
- exponential, which is skewed;
- measured: the paired differences in benchmarks/results, centered and divided by their standard deviation for each run and
  metric, and pooled;
- a check of the last: normal differences, of as many seeds, treated in the same way. Dividing few differences by their own
  deviation removes large ones, so that the pool is not normal even if the differences are. Compare these two rows.

The metrics of one training depend on each other, so the measured differences are fewer than they seem.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from imbdet.reports.grid.grid_results import read_results
from imbdet.reports.grid.grid_runs import group_runs
from imbdet.reports.grid.paired_difference import LEVEL, paired_difference

RESULTS = Path(__file__).parent / 'results'
SEEDS = (3, 5, 10)
RESAMPLES = 10_000
CHECK_COPIES = 100
LEAST_PAIRS = 3
"""Of two differences, each is 0.7 standard deviations from their mean, whatever they are."""


def percentile_bootstrap(differences: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compute percentile bootstrap intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

    Args:
        differences: Differences of each trial, shape (trials, seeds). The resamples are the same for all trials.
        rng: Draws the resamples.

    Returns:
        Lower and upper end of each interval, shape (trials, 2).
    """
    number = differences.shape[1]
    shares = rng.multinomial(number, np.full(number, 1 / number), RESAMPLES) / number
    percentiles = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    return np.array([np.percentile(shares @ each, percentiles) for each in differences])


def student_t(differences: np.ndarray) -> np.ndarray:
    """Compute the intervals that ``imbdet grid`` shows; shapes as for :func:`percentile_bootstrap`."""
    number = differences.shape[1]
    found = [paired_difference(dict(enumerate(each)), dict.fromkeys(range(number), 0.0)) for each in differences]
    return np.array([(each.low, each.high) for each in found])


def measured_differences(folder: Path) -> list[np.ndarray]:
    """Read the paired differences of all results files.

    Args:
        folder: Folder of the files.

    Returns:
        The differences of each run and metric by seed, without those of fewer than three seeds and those that are all equal.
    """
    measured = []
    for path in sorted(folder.glob('*.json')):
        runs = {run.name: run for run in group_runs(read_results(path))}
        for run in runs.values():
            if run.name == run.baseline or run.baseline not in runs:
                continue
            for metric in next(iter(run.trainings.values())).metrics:
                values, others = run.values(metric), runs[run.baseline].values(metric)
                found = np.array([values[seed] - others[seed] for seed in sorted(values.keys() & others.keys())])
                if len(found) >= LEAST_PAIRS and found.std() > 0:
                    measured.append(found)
    return measured


def standardize(differences: Iterable[np.ndarray]) -> np.ndarray:
    """Center each group of differences, divide it by its standard deviation, and pool the groups, shape (n,)."""
    return np.concatenate([(each - each.mean()) / each.std(ddof=1) for each in differences])


def coverage(intervals: np.ndarray) -> tuple[float, float]:
    """Return the share of intervals, shape (trials, 2), that contain 0, and their mean width."""
    low, high = intervals.T
    return float(np.mean((low <= 0) & (high >= 0))), float(np.mean(high - low))


def rows(folder: Path, trials: int, seed: int) -> Iterator[list[str]]:
    """Yield the rows of the table."""
    rng = np.random.default_rng(seed)
    measured = measured_differences(folder)
    pool = standardize(measured)
    check = standardize(rng.standard_normal(len(each)) for _ in range(CHECK_COPIES) for each in measured)
    draws: dict[str, Callable[[tuple[int, int]], np.ndarray]] = {  # each with mean 0
        'normal': rng.standard_normal,
        'exponential': lambda shape: rng.exponential(size=shape) - 1,
        f'measured: {len(pool)} of {len(measured)} runs and metrics': lambda shape: rng.choice(pool, shape),
        'the same, of normal differences': lambda shape: rng.choice(check, shape)}
    with tqdm(total=len(draws) * len(SEEDS), disable=None, unit='row') as progress:
        for name, draw in draws.items():
            for number in SEEDS:
                differences = draw((trials, number))
                found = *coverage(percentile_bootstrap(differences, rng)), *coverage(student_t(differences))
                yield [name, str(number), *(f'{100 * value:.1f} %' if index % 2 == 0 else f'{value:.2f}'
                                            for index, value in enumerate(found))]
                progress.update()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--trials', type=int, default=5_000, help='trials per row (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the simulation (default: %(default)s)')
    arguments = parser.parse_args()
    head = ['differences', 'seeds', 'bootstrap contains the mean', 'mean width', 't contains the mean', 'mean width']
    for row in (head, ['---'] * len(head), *rows(RESULTS, arguments.trials, arguments.seed)):
        print(f'| {" | ".join(row)} |')


if __name__ == '__main__':
    main()
