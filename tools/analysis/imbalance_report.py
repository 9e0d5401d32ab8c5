"""See how imbalanced a data set is: ``tools/analysis/imbalance_report.py ANN.json [--config CONFIG]``.

Writes a page with pictures, ``index.html``, the numbers as ``report.json`` and a suggested config, ``suggestion.py``; prints
the same as text. Any COCO or LVIS file will do, also one with faults, which are listed. With a config its foreground prior
is measured, for which its images are needed.
"""

import argparse
import sys
from pathlib import Path

import imbdet  # noqa: F401  first: it says what an installation lacks and how to mend it

# isort: split
from imbdet.command_line import load_config, run_tool
from imbdet.reports import examine, write_imbalance_report
from imbdet.reports.figures import new_figure


def run(arguments: argparse.Namespace) -> None:
    """Examine the file, write the report and print it."""
    new_figure(1, 1)  # where matplotlib is missing, say so now
    cfg = load_config(arguments.config) if arguments.config else None
    findings = examine(arguments.ann_file, cfg, arguments.target_length, arguments.rare_max, arguments.common_max)
    folder = arguments.out or Path('work_dirs/imbalance_report') / arguments.ann_file.stem
    print(write_imbalance_report(folder, findings))
    print(f'wrote {folder / "index.html"}, report.json, suggestion.py and the pictures beside them')
    if cfg is not None and not findings.is_trained_on:
        print(f'imbdet: warning: {findings.config_note}', file=sys.stderr)


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description='Report how imbalanced a data set is, and what to do about it')
    parser.add_argument('ann_file', metavar='ANN', type=Path, help='annotation file in COCO or LVIS format')
    parser.add_argument('--config', type=Path, help='config to measure the foreground prior of; it needs its images')
    parser.add_argument('--target-length', type=float, default=1.15,
                        help='wished length of an epoch, over the number of images (default: %(default)s)')
    parser.add_argument('--rare-max', type=int, default=10, help='most images of a rare class (default: %(default)s)')
    parser.add_argument('--common-max', type=int, default=100, help='most images of a common class (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='folder to write to (default: work_dirs/imbalance_report/ and the name of the file)')
    run_tool(parser, run)


if __name__ == '__main__':
    main()
