"""``imbdet grid GRID.py`` trains configs x seeds and reports them; ``imbdet grid results.json ...`` merges results."""

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imbdet.reports.grid.grid_results import Training, merge_results, read_results, write_results

if TYPE_CHECKING:
    from imbdet.cli.grid_jobs import Job

EPILOG = """
A grid is a Python file:

    seeds = [0, 1, 2, 3, 4]
    runs = dict(
        baseline=dict(config='configs/quickstart/retinanet_r18_baseline_400i_digits.py'),
        irfs=dict(config='configs/quickstart/retinanet_r18_irfs_400i_digits.py',
                  cfg_options={'train_dataloader.sampler.threshold': 0.04}))

The first run is the baseline of the others; baseline='NAME' in a run selects another one. Each training is a separate
"imbdet train" process, in WORK_DIR/NAME/seed_N. To continue a grid that was stopped, run the same command again: finished
trainings are kept, interrupted ones are resumed. Metrics, paired differences from the baseline and costs are in
WORK_DIR/index.html, all numbers in WORK_DIR/results.json. To merge and report several results.json, from other machines or
seeds, give them instead of a grid. "torchrun --nproc-per-node 8 -m imbdet grid GRID.py", or srun, distributes the trainings
over the GPUs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.add_argument('files', nargs='+', type=Path, metavar='FILE', help='a grid (.py), or results.json of grids')
    parser.add_argument('--work-dir', '--out', type=Path, metavar='FOLDER',
                        help='output folder (default: work_dirs/ and the name of the grid; for results work_dirs/grid_report)')
    parser.add_argument('--metrics', nargs='+', help='metrics to show, such as lvis/bbox_AP; the CSV contains all')
    grid_options = parser.add_argument_group('for a grid')
    grid_options.add_argument('--jobs', type=int, help='number of parallel trainings per process (default: 1)')
    grid_options.add_argument('--cfg-options', nargs='+', action='extend', metavar='KEY=VALUE',
                              help='override settings of all configs: key=value pairs')
    result_options = parser.add_argument_group('for results')
    result_options.add_argument('--runs', nargs='+', help='names of the runs to report (default: all)')


def run(arguments: argparse.Namespace) -> None:
    """Train a grid, or merge results.

    Raises:
        ValueError: If grids and results are mixed, or a flag belongs to the other.
    """
    results = [path for path in arguments.files if path.suffix == '.json']
    if results and len(results) == len(arguments.files):
        kind, unfit, do = 'results', {'--jobs': arguments.jobs, '--cfg-options': arguments.cfg_options}, merge
    elif not results and len(arguments.files) == 1:
        kind, unfit, do = 'a grid', {'--runs': arguments.runs}, train
    else:
        raise ValueError('FILE must be one grid (a .py file), or results.json of one or more grids, got '
                         + ', '.join(map(str, arguments.files)))
    if given := [flag for flag, value in unfit.items() if value is not None]:
        raise ValueError(f'{", ".join(given)} cannot be used with {kind}, got {arguments.files[0]}')
    do(arguments)


def merge(arguments: argparse.Namespace) -> None:
    """Merge results and report them.

    Raises:
        ValueError: If a requested run is in none of them.
    """
    from imbdet.reports.grid.grid_report import write_grid_report

    out = arguments.work_dir or Path('work_dirs/grid_report')
    trainings = merge_results(map(read_results, arguments.files))
    names = [training.name for training in trainings]
    if unknown := [name for name in arguments.runs or () if name not in names]:
        raise ValueError(f'no run is named {unknown[0]}; choose from {", ".join(dict.fromkeys(names))}')
    if arguments.runs:
        trainings = [training for training in trainings if training.name in arguments.runs]
    page = write_grid_report(out, trainings, arguments.metrics)
    write_results(out / 'results.json', trainings)
    print(f'wrote {page}, and table.md, trainings.csv and results.json next to it')


def train(arguments: argparse.Namespace) -> None:
    """Train the unfinished trainings, and report.

    Raises:
        RuntimeError: If trainings failed; the others are finished and reported.
    """
    from tqdm import tqdm

    from imbdet.cli.grid_jobs import check_folders, finished, read_grid, share_of_this_process
    from imbdet.cli.grid_trainings import Trainings

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # this also ends the trainings
    grid, at_a_time = arguments.files[0], 1 if arguments.jobs is None else arguments.jobs
    work_dir = arguments.work_dir or Path('work_dirs') / grid.stem
    jobs = read_grid(grid, work_dir, arguments.cfg_options or [])
    check_folders(jobs)
    done = {(training.name, training.seed) for training in finished(jobs)}
    mine, local = share_of_this_process(jobs)
    mine = [job for job in mine if (job.name, job.seed) not in done]
    trained = Trainings(at_a_time, local * at_a_time).run(mine)
    failed = []
    for job, code in (trainings := tqdm(trained, total=len(mine), disable=None, unit='training')):
        if code:
            failed.append(f'{job.name} with seed {job.seed} (exit code {code}; see {job.folder / "train.out"})')
        trainings.write(f'{job.name}, seed {job.seed}: {f"failed, exit code {code}" if code else "finished"}', sys.stderr)
    report(jobs, work_dir, arguments.metrics)
    if failed:
        raise RuntimeError(f'{len(failed)} trainings failed: {"; ".join(failed)}')


def report(jobs: 'list[Job]', work_dir: Path, metrics: list[str] | None) -> None:
    """Write the results of all finished trainings, and again if another process has finished a training in the meantime."""
    from imbdet.cli.grid_jobs import finished
    from imbdet.reports.grid.grid_report import write_grid_report

    reported: list[Training] = []
    while len(trainings := merge_results([finished(jobs)])) > len(reported):
        write_results(work_dir / 'results.json', trainings)
        page = write_grid_report(work_dir, trainings, metrics)
        reported = trainings
    if reported:
        print(f'{len(reported)} of {len(jobs)} trainings are finished; wrote {page}, table.md, trainings.csv and results.json')
