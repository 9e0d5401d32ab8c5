"""``imbdet report ANN.json [--config CONFIG]``: report how imbalanced a data set is.

Writes a page with pictures, ``index.html``, the numbers as ``report.json`` and a suggested config, ``suggestion.py``. It also
prints the report as text. It accepts any COCO or LVIS file and lists its faults. With a config, it also measures the
foreground prior, which requires the images. Without one, neither torch nor mmdet is imported.
"""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('ann_file', metavar='ANN', type=Path, help='annotation file in COCO or LVIS format')
    parser.add_argument('--config', type=Path, help='config whose foreground prior is measured; this requires its images')
    parser.add_argument('--target-length', type=float, default=1.15,
                        help='target length of an epoch, divided by the number of images (default: %(default)s)')
    parser.add_argument('--rare-max', type=int, default=10,
                        help='maximum number of images of a rare class (default: %(default)s)')
    parser.add_argument('--common-max', type=int, default=100,
                        help='maximum number of images of a common class (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='folder to write to (default: work_dirs/imbalance_report/ and the name of the file)')


def run(arguments: argparse.Namespace) -> None:
    """Analyze the file, write the report and print it."""
    from imbdet.reports.dataset.dataset_analysis import analyze_dataset
    from imbdet.reports.dataset.imbalance_report import write_imbalance_report
    from imbdet.reports.drawing.figures import new_figure

    new_figure(1, 1)  # fail now if matplotlib is missing
    cfg = None
    if arguments.config:
        from imbdet.cli.runs import load_config
        cfg = load_config(arguments.config)
    findings = analyze_dataset(arguments.ann_file, cfg, arguments.target_length, arguments.rare_max, arguments.common_max)
    folder = arguments.out or Path('work_dirs/imbalance_report') / arguments.ann_file.stem
    print(write_imbalance_report(folder, findings))
    print(f'wrote {folder / "index.html"}, report.json, suggestion.py and pictures next to them')
    if cfg is not None and not findings.is_trained_on:
        print(f'imbdet: warning: {findings.config_note}', file=sys.stderr)
