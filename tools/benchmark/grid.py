"""Train a grid of configs x seeds and report means, paired differences from a baseline, and cost.

    python tools/benchmark/grid.py tools/benchmark/grids/digits.py [--jobs 2]
    torchrun --nproc-per-node 8 tools/benchmark/grid.py GRID          # a share of the grid on each GPU; or by srun

A grid is a Python file:

    seeds = [0, 1, 2, 3, 4]
    runs = dict(
        baseline=dict(config='configs/quickstart/retinanet_r18_baseline_400i_digits.py'),
        irfs=dict(config='configs/quickstart/retinanet_r18_irfs_400i_digits.py',
                  cfg_options={'train_dataloader.sampler.threshold': 0.04}))

The first run is the baseline of the others; ``baseline='NAME'`` in a run names another one. Each training is a
``tools/train.py`` of its own, in WORK_DIR/NAME/seed_N. A grid that was stopped goes on where it was: finished trainings stay,
one that was cut off is resumed. Results are in WORK_DIR/results.json; ``tools/analysis/grid_report.py`` merges several.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import imbdet  # noqa: F401  first: it says what an installation lacks and how to mend it

# isort: split
import torch
from mmengine.config import DictAction
from tqdm import tqdm
from training_results import fingerprint, read_training

from imbdet.command_line import load_config, run_tool
from imbdet.files import whole_file
from imbdet.reports import merge_results, read_results, write_grid_report, write_results
from imbdet.reports.grid_results import Training

TRAIN = Path(__file__).resolve().parents[1] / 'train.py'
RANKS = (('RANK', 'WORLD_SIZE', 'LOCAL_RANK'), ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'))
OF_A_LAUNCHER = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'MASTER_ADDR', 'MASTER_PORT')


class Job(NamedTuple):
    """One training of the grid."""

    name: str
    baseline: str
    seed: int
    config: str
    options: list[str]
    folder: Path
    fingerprint: str


def read_grid(path: str | Path, work_dir: Path, options: list[str]) -> list[Job]:
    """List the trainings of a grid file, all runs with the first seed before any with the next.

    Args:
        path: The grid file.
        work_dir: Folder of the grid.
        options: ``key=value`` for the configs of all runs, over the grid's own.

    Returns:
        The trainings.

    Raises:
        FileNotFoundError: If the grid, or a config of it, does not exist.
        ValueError: If a key is missing or unknown, or a baseline is no run of the grid.
    """
    grid = load_config(path)
    runs, seeds = grid.get('runs'), grid.get('seeds')
    if not runs or not seeds:
        raise ValueError(f"{path} needs runs = dict(NAME=dict(config='...'), ...) and seeds = [0, 1, ...]")
    jobs = []
    for name, run in runs.items():
        if 'config' not in run or set(run) - {'config', 'cfg_options', 'baseline'}:
            raise ValueError(f'{path}: run {name!r} needs config, and may have cfg_options and baseline; it has {sorted(run)}')
        baseline = run.get('baseline', next(iter(runs)))
        if baseline not in runs:
            raise ValueError(f'{path}: the baseline {baseline!r} of run {name!r} is no run of the grid')
        own = [f'{key}={value}' for key, value in run.get('cfg_options', {}).items()]
        cfg = load_config(run.config)
        cfg.merge_from_dict(parse_options([*own, *options]))
        jobs += [Job(name, baseline, seed, run.config, [*own, *options], work_dir / name / f'seed_{seed}', fingerprint(cfg))
                 for seed in seeds]
    return sorted(jobs, key=lambda job: seeds.index(job.seed))


def parse_options(options: list[str]) -> dict:
    """Read ``key=value`` options as mmdet's tools do."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *options] if options else []).cfg_options


def share_of_this_process(jobs: list[Job]) -> tuple[list[Job], int]:
    """Return the trainings that this process of torchrun or slurm does, and its number on this machine."""
    for rank, world, local in RANKS:
        if rank in os.environ and world in os.environ:
            return jobs[int(os.environ[rank])::int(os.environ[world])], int(os.environ.get(local, 0))
    return jobs, 0


def environment(slot: int, jobs: int) -> dict[str, str]:
    """Return the environment of a training: a GPU of its own where there are several, else a part of the cores."""
    of_training = {key: value for key, value in os.environ.items() if key not in OF_A_LAUNCHER}
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', ','.join(map(str, range(torch.cuda.device_count())))).split(',')
    if len(visible) > 1:
        of_training['CUDA_VISIBLE_DEVICES'] = visible[slot % len(visible)]
    of_training.setdefault('OMP_NUM_THREADS', str(max(len(os.sched_getaffinity(0)) // jobs, 1)))
    return of_training


class Trainings:
    """Runs trainings as processes, some at a time, and ends those that still run when this process is stopped."""

    def __init__(self, at_a_time: int, first_slot: int) -> None:
        self.at_a_time = at_a_time
        self._slots = list(range(first_slot, first_slot + at_a_time))
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, int]]:
        """Run all; yield each and its exit code as it ends, when its results are written."""
        with ThreadPoolExecutor(self.at_a_time) as pool:
            try:
                futures = {pool.submit(self._train, job): job for job in jobs}
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                self._stop()
                pool.shutdown(cancel_futures=True)
                raise

    def _train(self, job: Job) -> int:
        with self._lock:
            if self._stopped:
                return -1
            slot = self._slots.pop()
            with whole_file(job.folder / 'fingerprint.txt') as file:
                file.write_text(job.fingerprint)
            resume = ['--resume'] if (job.folder / 'last_checkpoint').is_file() else []
            with (job.folder / 'train.out').open('a') as output:
                process = subprocess.Popen(
                    [sys.executable, TRAIN, job.config, '--work-dir', job.folder, *resume, '--cfg-options', *job.options,
                     f'randomness.seed={job.seed}'], stdout=output, stderr=subprocess.STDOUT,
                    env=environment(slot, self.at_a_time))
            self._running.add(process)
        code = process.wait()
        with self._lock:
            self._running.discard(process)
            self._slots.append(slot)
        if code == 0:
            write_results(job.folder / 'training.json', [read_training(job)])
        return code

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()


def check_folders(jobs: list[Job]) -> None:
    """Raise ValueError if a folder holds a training, finished or not, by another config than the grid's."""
    for job in jobs:
        note = job.folder / 'fingerprint.txt'
        if note.is_file() and note.read_text() != job.fingerprint:
            raise ValueError(f'{job.folder} holds a training by another config than {job.config} with the options of this '
                             'grid; remove the folder, or give another --work-dir')


def finished(jobs: list[Job]) -> list[Training]:
    """Collect the results of the trainings that are finished, in the order of the grid."""
    return [training for job in jobs if (job.folder / 'training.json').is_file()
            for training in read_results(job.folder / 'training.json')]


def report(jobs: list[Job], work_dir: Path, metrics: list[str] | None) -> None:
    """Write the results of all that is finished, and once more if another process finished a training meanwhile."""
    reported: list[Training] = []
    while len(trainings := merge_results([finished(jobs)])) > len(reported):
        write_results(work_dir / 'results.json', trainings)
        page = write_grid_report(work_dir, trainings, metrics)
        reported = trainings
    if reported:
        print(f'{len(reported)} of {len(jobs)} trainings are finished; wrote {page}, table.md, trainings.csv and results.json')


def run(arguments: argparse.Namespace) -> None:
    """Train what is not finished, and report.

    Raises:
        RuntimeError: If trainings failed; the others are finished and reported.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the trainings too
    work_dir = arguments.work_dir or Path('work_dirs') / Path(arguments.grid).stem
    jobs = read_grid(arguments.grid, work_dir, arguments.cfg_options)
    check_folders(jobs)
    there = {(training.name, training.seed) for training in finished(jobs)}
    mine, local = share_of_this_process(jobs)
    mine = [job for job in mine if (job.name, job.seed) not in there]
    trained = Trainings(arguments.jobs, local * arguments.jobs).run(mine)
    failed = [f'{job.name} with seed {job.seed} (exit code {code}; see {job.folder / "train.out"})'
              for job, code in tqdm(trained, total=len(mine), disable=None, unit='training') if code]
    report(jobs, work_dir, arguments.metrics)
    if failed:
        raise RuntimeError(f'{len(failed)} trainings failed: {"; ".join(failed)}')


def main() -> None:
    """Read the command line and run the grid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('grid', help='grid file path')
    parser.add_argument('--work-dir', type=Path, help='folder to write (default: work_dirs/ and the name of the grid)')
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time, of each process (default: %(default)s)')
    parser.add_argument('--metrics', nargs='+', help='metrics to show, such as lvis/bbox_AP; the CSV has all')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='override settings of all configs: key=value pairs')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
