"""Time the steps of a Sampling-Free detector against the same detector with plain cross entropy, and the measuring.

    python benchmarks/sampling_free.py [CONFIG] [--steps 60]

Both train on the same batch, step by step in turn, so that the ratio holds when the machine's speed drifts. The measuring
of the prior is timed against an epoch of such steps. The default config needs data/digits_longtail.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.config import Config
from paired_steps import compare_steps, seconds, untrained_runner
from table import Row, print_table

from imbdet.sampling_free import GuidedLossHook, OptimalBiasInitHook

CONFIG = Path(__file__).parents[1] / 'configs/quickstart/retinanet_r18_plain-ce_400i_digits.py'


def rows(path: str | Path, steps: int) -> Iterator[Row]:
    """Time steps with GuidedLossHook and without, and the measuring of the prior.

    Args:
        path: Config with plain cross entropy.
        steps: Steps of each.

    Yields:
        Rows of the table.
    """
    runner, optim_wrapper = untrained_runner(Config.fromfile(path), 'work_dirs/benchmark_sampling_free')
    name = type(runner.model).__name__
    loader = runner.train_dataloader  # built now: the training itself needs it
    batch = next(iter(loader))
    measuring = []  # the first time and four more, each as a part of an epoch of steps taken right after it
    for _ in range(5):
        taken = seconds(OptimalBiasInitHook().before_train, runner)
        timed = [seconds(runner.model.train_step, batch, optim_wrapper=optim_wrapper) for _ in range(8)]
        measuring.append(100 * taken / (len(loader) * np.median(timed)))
    yield compare_steps(runner, GuidedLossHook(), batch, optim_wrapper, steps, f'{name} with GuidedLossHook')
    part = float(np.median(measuring))
    yield Row('start', f'{name}: the prior is measured', f'{part:.1f} % of an epoch of {len(loader)} steps '
              f'({min(measuring):.1f} to {max(measuring):.1f}, 5 times)', 'less than 5 %', part < 5)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', default=CONFIG, help='config with plain cross entropy (default: %(default)s)')
    parser.add_argument('--steps', type=int, default=60, help='steps of each (default: %(default)s)')
    arguments = parser.parse_args()
    print_table(rows(arguments.config, arguments.steps))


if __name__ == '__main__':
    main()
