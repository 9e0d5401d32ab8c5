"""Calibrate the trained detectors of a grid, and evaluate them on their validation images.

    python benchmarks/calibration.py benchmarks/grids/calibration.py --out benchmarks/results/calibration.json

Each method has its default strength. "chosen" is NorCal with the strength that ``imbdet calibrate --fit`` chooses, by AP or by
AP^pool; "isotonic" and "probabilities" turn scores into probabilities, see score_calibration.py. These four are fitted on four
fifths of the images: what they gain on the last fifth, the mean of five times, is added to the metrics without calibration.
All calibrations of a detector use one pass of its network.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner
from score_calibration import gains as score_gains
from score_calibration import isotonic, probabilities
from tqdm import tqdm

from imbdet.calibration import Calibration, calibrated_layers
from imbdet.calibration.detection_limit import detections_per_image, raised_limit
from imbdet.calibration.swept_detections import swept_detections
from imbdet.classes import frequency_groups
from imbdet.cli.arguments import run_tool
from imbdet.cli.calibrate import read_checkpoint
from imbdet.cli.calibrate_fit import candidates, group_limits, worthwhile
from imbdet.cli.calibration_statistics import build_detector, find_statistics
from imbdet.cli.grid_jobs import Job, finished, read_grid
from imbdet.cli.runs import load_config
from imbdet.evaluation.detections import Detections, concatenate
from imbdet.evaluation.saved_predictions import category_ids
from imbdet.reports.calibration.sweep import HeldOut, judge, mean_gain, sweep
from imbdet.reports.grid.grid_results import Training, read_results, write_results

METHODS = {
    'norcal': Calibration('norcal'),
    'logit_adjustment': Calibration('logit-adjustment'),
    'fracal': Calibration('fracal'),
    'fracal_base2': Calibration('fracal', base=2.0),
    'logn': Calibration('logn'),
}


def calibrations(job: Job) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the metrics of a trained detector without calibration and with each."""
    cfg = load_config(job.config)
    checkpoint = read_checkpoint(latest(job.folder))
    detector: Any = build_detector(cfg)
    statistics = find_statistics(cfg, detector, checkpoint, 'logn', None)  # loads the weights, too
    methods = [calibrated_layers(detector, each, statistics) for each in METHODS.values()]
    choices = worthwhile(candidates('norcal', {}), methods[0])
    settings = [*methods, *(calibrated_layers(detector, each, statistics) for each in choices)]
    validation = Runner.build_dataloader(cfg.val_dataloader)
    with raised_limit(detector, len(statistics.names)):
        detections = swept_detections(detector, tqdm(validation, desc='validation images', disable=None), [[], *settings])
    ids = category_ids(validation.dataset)
    groups = frequency_groups(statistics.images, *group_limits(cfg))
    images = [image['image_id'] for image in detections[0]]
    held_out = HeldOut.of(Path(validation.dataset.ann_file), ids, groups, images, detections_per_image(detector))
    names = ['none', *METHODS, *map(str, choices)]
    by_name: dict[str, Detections] = {
        name: concatenate(images, 'bbox', ids) for name, images in zip(names, detections, strict=True)}
    before = judge(held_out, by_name['none'])
    yield 'none', before
    for name in METHODS:
        yield name, judge(held_out, by_name[name])
    offered = {name: by_name[name] for name in ('none', *map(str, choices))}
    gains = {'chosen': sweep(held_out, offered).gains, 'chosen_by_pool': sweep(held_out, offered, by='AP_pool').gains}
    gains |= {fit.__name__: score_gains(held_out, by_name['none'], fit) for fit in (isotonic, probabilities)}
    for name, each in gains.items():
        yield name, {metric: before[metric] + value for metric, value in mean_gain(each).items()}


def latest(folder: Path) -> Path:
    """Return the last checkpoint of a training."""
    return folder / Path((folder / 'last_checkpoint').read_text().strip()).name


def result(training: Training, fingerprint: str, method: str, metrics: dict[str, float]) -> Training:
    """Return metrics as a training of a run of its own, whose baseline is the detector without calibration."""
    return Training(f'{training.name}_{method}', f'{training.name}_none', training.seed, training.config,
                    f'{fingerprint}-{method}', {name: value for name, value in metrics.items() if not np.isnan(value)},
                    [], training.iterations, training.images, training.step_seconds, training.device, training.versions)


def run(arguments: argparse.Namespace) -> None:
    """Calibrate what has not been."""
    folder = arguments.work_dir or Path('work_dirs') / arguments.grid.stem
    jobs = {(job.name, job.seed): job for job in read_grid(arguments.grid, folder, [])}
    results = read_results(arguments.out) if arguments.out.is_file() else []
    done = {(each.name.removesuffix('_none'), each.seed) for each in results}
    for training in finished(list(jobs.values())):
        if (training.name, training.seed) in done:
            continue
        job = jobs[training.name, training.seed]
        results += [result(training, job.fingerprint, *found) for found in calibrations(job)]
        write_results(arguments.out, sorted(results, key=lambda each: (each.name, each.seed)))
        print(f'{training.name}, seed {training.seed}: calibrated')


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('grid', type=Path, help='grid file, whose trainings are finished')
    parser.add_argument('--work-dir', type=Path, help='its folder (default: work_dirs/ and the name of the grid)')
    parser.add_argument('--out', type=Path, required=True, help='results file; what is in it is not done again')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
