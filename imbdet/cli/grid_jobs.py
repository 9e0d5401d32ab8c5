"""Trainings of a grid file, and which of them are finished."""

import copy
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imbdet.cli.arguments import parse_options
from imbdet.cli.runs import load_config
from imbdet.reports.grid.grid_results import Training, read_results

if TYPE_CHECKING:
    from mmengine.config import Config

RANKS = (('RANK', 'WORLD_SIZE', 'LOCAL_RANK'), ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'))


class Job(NamedTuple):
    """A training of the grid."""

    name: str
    baseline: str
    seed: int
    config: str
    options: list[str]
    folder: Path
    fingerprint: str


def fingerprint(cfg: 'Config') -> str:
    """Hash a config without the parts that differ between trainings of one run: seed, folder and launcher.

    Args:
        cfg: An mmdet config.

    Returns:
        16 hexadecimal digits.
    """
    content = copy.deepcopy(cfg.to_dict())
    for key in ('work_dir', 'launcher', 'resume', 'load_from'):
        content.pop(key, None)
    content.get('randomness', {}).pop('seed', None)
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def read_grid(path: str | Path, work_dir: Path, options: list[str]) -> list[Job]:
    """List the trainings of a grid file, sorted by seed, then by run.

    Args:
        path: The grid file.
        work_dir: Folder of the grid.
        options: ``key=value`` for the configs of all runs; they override the grid's own.

    Returns:
        The trainings.

    Raises:
        FileNotFoundError: If the grid, or a config of it, does not exist.
        ValueError: If a key is missing or unknown, or a baseline is not a run of the grid.
    """
    grid = load_config(path)
    runs, seeds = grid.get('runs'), grid.get('seeds')
    if not runs or not seeds:
        raise ValueError(f"{path} needs runs = dict(NAME=dict(config='...'), ...) and seeds = [0, 1, ...]")
    jobs = []
    for name, run in runs.items():
        if 'config' not in run or set(run) - {'config', 'cfg_options', 'baseline'}:
            raise ValueError(f'{path}: run {name!r} must have config, and may have cfg_options and baseline; got {sorted(run)}')
        baseline = run.get('baseline', next(iter(runs)))
        if baseline not in runs:
            raise ValueError(f'{path}: the baseline {baseline!r} of run {name!r} must be a run of the grid')
        own = [f'{key}={value}' for key, value in run.get('cfg_options', {}).items()]
        cfg = load_config(run.config)
        cfg.merge_from_dict(parse_options([*own, *options]))
        jobs += [Job(name, baseline, seed, run.config, [*own, *options], work_dir / name / f'seed_{seed}', fingerprint(cfg))
                 for seed in seeds]
    return sorted(jobs, key=lambda job: seeds.index(job.seed))


def share_of_this_process(jobs: list[Job]) -> tuple[list[Job], int]:
    """Return the trainings of this process of torchrun or slurm, and its local rank."""
    for rank, world, local in RANKS:
        if rank in os.environ and world in os.environ:
            return jobs[int(os.environ[rank])::int(os.environ[world])], int(os.environ.get(local, 0))
    return jobs, 0


def check_folders(jobs: list[Job]) -> None:
    """Raise ValueError if a folder contains a training, finished or not, with another config than the grid's."""
    for job in jobs:
        note = job.folder / 'fingerprint.txt'
        if note.is_file() and note.read_text() != job.fingerprint:
            raise ValueError(f'{job.folder} contains a training with another config than {job.config} with the options of this '
                             'grid; remove the folder or choose another --work-dir')


def finished(jobs: list[Job]) -> list[Training]:
    """Collect the results of finished trainings, in the order of the grid."""
    return [training for job in jobs if (job.folder / 'training.json').is_file()
            for training in read_results(job.folder / 'training.json')]
