"""Time predictions with a calibration in the weights and by LogitShiftHook, against those of the detector as it is.

    python benchmarks/calibration_cost.py [CONFIG ...] [--steps 60]

All predict the same batch in turn. The default configs need data/digits_longtail.
"""

import argparse
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from paired_steps import WARM_UP, seconds, untrained_runner
from table import Row, print_table, ratio_row
from tqdm import tqdm

from imbdet.calibration import Calibration, LogitShiftHook, calibrate_checkpoint, calibrated_layers, dataset_statistics

QUICKSTART = Path(__file__).parents[1] / 'configs/quickstart'
CONFIGS = [QUICKSTART / f'{name}_r18_baseline_400i_digits.py' for name in ('retinanet', 'faster-rcnn')]
WEAK = 1e-6  # so that as many detections pass the score threshold, and what comes after the logits takes as long


def rows(path: str | Path, steps: int) -> Iterator[Row]:
    """Time predictions in turn.

    Args:
        path: Config of a detector.
        steps: Predictions of each.

    Yields:
        Rows of the table.
    """
    runner, _ = untrained_runner(Config.fromfile(path), 'work_dirs/benchmark_calibration')
    plain: Any = runner.model.eval()
    name = type(plain).__name__
    norcal = Calibration('norcal', tau=WEAK)
    layers = calibrated_layers(plain, norcal, dataset_statistics(runner.train_dataloader.dataset))
    calibrated, hooked = copy.deepcopy(plain), copy.deepcopy(plain)
    calibrated.load_state_dict(calibrate_checkpoint(dict(state_dict=plain.state_dict()), norcal, layers)['state_dict'])
    runner.model = hooked
    LogitShiftHook('norcal', tau=WEAK).before_run(runner)
    detectors = dict(plain=plain, calibrated=calibrated, hooked=hooked)
    batch = next(iter(runner.val_dataloader))
    times = []
    with torch.no_grad():
        for step in tqdm(range(steps + WARM_UP), disable=None, unit='step'):
            order = list(detectors)[step % 3:] + list(detectors)[:step % 3]
            taken = {each: seconds(detectors[each].test_step, batch) for each in order}
            times.append([taken[each] for each in detectors])
    measured = np.array(times[WARM_UP:])
    yield ratio_row('inference', f'{name}, calibrated checkpoint', measured[:, [0, 1]], None)
    yield ratio_row('inference', f'{name} with LogitShiftHook', measured[:, [0, 2]], 1.01)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', default=CONFIGS, help='configs (default: two of the quickstart)')
    parser.add_argument('--steps', type=int, default=60, help='predictions of each (default: %(default)s)')
    arguments = parser.parse_args()
    raise SystemExit(not print_table([row for path in arguments.configs for row in rows(path, arguments.steps)]))


if __name__ == '__main__':
    main()
