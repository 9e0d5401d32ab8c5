"""``imbdet quickstart``: make the sample data set, train, evaluate, draw. ``make quickstart`` also runs it.

Each step writes a file and is skipped if the file exists; a training that was stopped is resumed. All files are in ``data/``
and ``work_dirs/`` in the current folder.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import imbdet
from imbdet.cli.sample_data import make_sample_data

CONFIG = Path(imbdet.__file__).parent / '.mim/configs/quickstart/retinanet_r18_irfs_400i_digits.py'
DATA = Path('data/digits_longtail')
WORK_DIR = Path('work_dirs/quickstart')
CHECKPOINT = WORK_DIR / 'iter_400.pth'
DETECTIONS = WORK_DIR / 'evaluation/val.bbox.json'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: everything is fixed."""


def say(text: str) -> None:
    """Print a line with the prefix ``imbdet:``."""
    print(f'imbdet: {text}', flush=True)


def run_command(*arguments: object) -> None:
    """Run ``imbdet`` in another process, and exit if it fails; it has printed the reason."""
    code = subprocess.run([sys.executable, '-m', 'imbdet', *map(str, arguments)]).returncode
    if code:
        sys.exit(code)


def train() -> None:
    """Train the quickstart config, or resume a training that was stopped."""
    from imbdet.cli.resume import is_complete  # torch

    if is_complete(CHECKPOINT):
        say(f'{CHECKPOINT} exists, not training again')
        return
    resume = ['--resume'] if (WORK_DIR / 'last_checkpoint').is_file() else []
    say(f'training {CONFIG.name} (about 4 minutes on 2 cores); the log is in {WORK_DIR}')
    run_command('train', CONFIG, '--work-dir', WORK_DIR, *resume)


def evaluated() -> list[Path]:
    """List the summaries of finished evaluations of the checkpoint, oldest first; a summary is the last file written."""
    trained = CHECKPOINT.stat().st_mtime
    return sorted(path for path in DETECTIONS.parent.glob('*/*.json')
                  if path.stem == path.parent.name and path.stat().st_mtime > trained)


def evaluate() -> Path:
    """Evaluate the checkpoint, unless already done; return the summary, which is next to the log."""
    if not evaluated():
        say(f'evaluating {CHECKPOINT}')
        run_command('test', CONFIG, CHECKPOINT, '--work-dir', DETECTIONS.parent, '--cfg-options',
                 f'test_evaluator.outfile_prefix={DETECTIONS.with_name("val")}')
    return evaluated()[-1]


def draw(class_table: Path) -> list[Path]:
    """Draw some detections and the AP of each class; return the pictures."""
    from imbdet.reports.drawing.class_curve import draw_class_curve
    from imbdet.reports.results.detection_gallery import draw_detections

    annotations = DATA / 'annotations/digits_longtail_val.json'
    return [
        draw_detections(annotations, DETECTIONS, DATA / 'visible', WORK_DIR / 'detections.png'),
        draw_class_curve(class_table, WORK_DIR / 'class_ap.png',
                         'Quickstart: RetinaNet R18 with IRFS on the long-tailed digits')
    ]


def run(arguments: argparse.Namespace) -> None:
    """Run all steps and print the paths of their results."""
    start = time.monotonic()
    make_sample_data(DATA)
    train()
    summary_file = evaluate()
    class_table = summary_file.with_name('class_ap_bbox.csv')
    pictures = draw(class_table)
    summary = json.loads(summary_file.read_text())
    print()
    say('  '.join(f'{name} {summary[f"lvis/bbox_{name}"]:.3f}' for name in ('AP', 'APr', 'APc', 'APf'))
        + '  (all, rare, common and frequent classes)')
    say(f'detections        {pictures[0]}')
    say(f'AP of each class  {pictures[1]} and {class_table}')
    say(f'checkpoint        {CHECKPOINT}')
    say(f'done in {time.monotonic() - start:.0f} s')
