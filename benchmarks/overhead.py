"""What each method costs, in one table: time and memory of a step, samplers, evaluation, mixing, clustering, calibration.

    python benchmarks/overhead.py [--steps 60] [--runs 3] [--parts steps memory ...]

Every time is compared with what a user would have without imbdet, in turn with it, so that ratios hold when the machine's
speed drifts; ratios are medians with their quartiles. Each part runs in a process of its own, so that none meets the memory
of another. The default takes some fifteen minutes on two cores. Needs data/digits_longtail and its equity.npz, which
configs/quickstart/README.md makes.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import imbdet  # first: it reports a broken installation and the fix

# isort: split
import calibration_cost
import dataset_equity
import evaluation
import mipa
import numpy as np
import repeat_factor_sampler
import sampling_free
from mmengine.config import Config
from paired_steps import in_turn, untrained_runner
from table import Row, print_table, ratio_row

QUICKSTART = Path(imbdet.__file__).parent / '.mim/configs/quickstart'
PLAIN = ('retinanet_r18_plain-ce_400i_digits', 'faster-rcnn_r18_plain-ce_400i_digits')
MEMORY = {  # with the method, and without
    'retinanet_r18_irfs_400i_digits': 'retinanet_r18_baseline_400i_digits',
    'retinanet_r18_sampling-free_400i_digits': 'retinanet_r18_plain-ce_400i_digits',
    'retinanet_r18_equity_400i_digits': 'retinanet_r18_baseline_400i_digits',
    'retinanet_r18_mipa_1200i_digits-pairs': 'retinanet_r18_rgb_1200i_digits-pairs',
    'retinanet_r18_mipa-ma_1200i_digits-pairs': 'retinanet_r18_rgb_1200i_digits-pairs',
}


def steps(arguments: argparse.Namespace) -> Iterator[Row]:
    """Time steps with each hook, and those of pairs against those of visible images."""
    for name in PLAIN:
        yield from sampling_free.rows(QUICKSTART / f'{name}.py', arguments.steps)
    yield dataset_equity.time_steps(dataset_equity.CONFIG, arguments.steps)
    trainings = {}
    for name in ('rgb', 'mipa', 'mipa-ma'):
        runner, optim_wrapper = untrained_runner(Config.fromfile(QUICKSTART / f'retinanet_r18_{name}_1200i_digits-pairs.py'),
                                                 f'work_dirs/benchmark_{name}')
        trainings[name] = runner, next(iter(runner.train_dataloader)), optim_wrapper

    for name, what in (('mipa', 'RetinaNet on mixed pairs, against visible images'),
                       ('mipa-ma', 'RetinaNet on mixed pairs with PatchModalityHead, against visible images')):
        yield ratio_row('step', what, in_turn(trainings['rgb'], trainings[name], arguments.steps), None)


def memory(arguments: argparse.Namespace) -> Iterator[Row]:
    """Compare the peak memory of trainings, each in a process of its own, in turn."""
    for name, plain in MEMORY.items():
        peaks = np.array([[peak(plain), peak(name)] for _ in range(arguments.runs)])
        ratios = peaks[:, 1] / peaks[:, 0]
        yield Row('memory', f'{name} against {plain}', f'{np.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}, '
                  f'{arguments.runs} pairs): {np.median(peaks[:, 0]):.0f} and {np.median(peaks[:, 1]):.0f} MiB')


def peak(name: str) -> float:
    """Return the peak memory of a config's training in MiB."""
    tool = Path(__file__).with_name('step_memory.py')
    process = subprocess.run([sys.executable, tool, QUICKSTART / f'{name}.py'], check=True, text=True, stdout=subprocess.PIPE)
    return float(process.stdout.split()[-1])


PARTS = {
    'sampler': lambda arguments: repeat_factor_sampler.rows(arguments.runs),
    'steps': steps,
    'memory': memory,
    'inference': lambda arguments: [
        row for path in calibration_cost.CONFIGS for row in calibration_cost.rows(path, arguments.steps)],
    'mixing': lambda arguments: [mipa.mixing_row(arguments.steps, patch_size) for patch_size in (4, 16)],
    'clustering': lambda arguments: dataset_equity.time_clustering(),
    'evaluation': lambda arguments: evaluation.rows(1500, arguments.runs),
}
"""What is measured, by the name of its part."""


def measure(part: str, arguments: argparse.Namespace) -> list[Row]:
    """Measure one part."""
    return list(PARTS[part](arguments))


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--steps', type=int, default=60, help='steps, and copies, of each (default: %(default)s)')
    parser.add_argument('--runs', type=int, default=3, help='times that longer things are run (default: %(default)s)')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='what to measure (default: all)')
    arguments = parser.parse_args()
    rows = []
    for part in arguments.parts:
        with ProcessPoolExecutor(1, get_context('spawn')) as process:
            rows += process.submit(measure, part, arguments).result()
    raise SystemExit(not print_table(rows))


if __name__ == '__main__':
    main()
