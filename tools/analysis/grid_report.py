"""Merge results of grids of trainings and report them.

    python tools/analysis/grid_report.py work_dirs/a/results.json work_dirs/b/results.json --out work_dirs/both

The files are results.json of tools/benchmark/grid.py: of several machines, of other seeds, or of a grid that is still running.
"""

import argparse
from pathlib import Path

import imbdet  # noqa: F401  first: it says what an installation lacks and how to mend it

# isort: split
from imbdet.command_line import run_tool
from imbdet.reports import merge_results, read_results, write_grid_report, write_results


def run(arguments: argparse.Namespace) -> None:
    """Merge and report."""
    trainings = merge_results(map(read_results, arguments.results))
    names = [training.name for training in trainings]
    if unknown := [name for name in arguments.runs or () if name not in names]:
        raise ValueError(f'no run is called {unknown[0]}; the runs are {", ".join(dict.fromkeys(names))}')
    if arguments.runs:
        trainings = [training for training in trainings if training.name in arguments.runs]
    page = write_grid_report(arguments.out, trainings, arguments.metrics)
    write_results(arguments.out / 'results.json', trainings)
    print(f'wrote {page}, and table.md, trainings.csv and results.json beside it')


def main() -> None:
    """Read the command line, merge and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('results', nargs='+', type=Path, help='results.json of one or several grids')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/grid_report'),
                        help='folder to write (default: %(default)s)')
    parser.add_argument('--runs', nargs='+', help='names of the runs to report (default: all)')
    parser.add_argument('--metrics', nargs='+', help='metrics to show, such as lvis/bbox_AP; the CSV has all')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
