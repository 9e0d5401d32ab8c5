"""From nothing to a trained detector: make the sample data set, train, evaluate, draw. ``make quickstart`` runs it.

Each step leaves a file and is skipped where the file is there already; a training that was stopped is resumed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import imbdet
from imbdet.command_line import RUN_ERROR, one_line_errors
from imbdet.reports import draw_class_curve, draw_detections

TOOLS = Path(__file__).resolve().parent
CONFIG = Path(imbdet.__file__).parent / '.mim/configs/quickstart/retinanet_r18_irfs_400i_digits.py'
DATA = Path('data/digits_longtail')
WORK_DIR = Path('work_dirs/quickstart')
CHECKPOINT = WORK_DIR / 'iter_400.pth'
DETECTIONS = WORK_DIR / 'evaluation/val.bbox.json'


def say(text: str) -> None:
    """Print a line of our own among those of the steps."""
    print(f'imbdet: {text}', flush=True)


def run_tool(*arguments: object) -> None:
    """Run one of the tools beside this one, and end if it fails; it has said why."""
    code = subprocess.run([sys.executable, *map(str, arguments)]).returncode
    if code:
        sys.exit(code)


def train() -> None:
    """Train the quickstart config, or go on where a stopped training left off."""
    if CHECKPOINT.is_file():
        say(f'{CHECKPOINT} is there already, not training again')
        return
    resume = ['--resume'] if (WORK_DIR / 'last_checkpoint').is_file() else []
    say(f'training {CONFIG.name} (about 4 minutes on 2 cores); the log is in {WORK_DIR}')
    run_tool(TOOLS / 'train.py', CONFIG, '--work-dir', WORK_DIR, *resume)


def evaluate() -> Path:
    """Evaluate the checkpoint, unless that was done; return the folder of the log, with the results beside it."""
    if not DETECTIONS.is_file() or DETECTIONS.stat().st_mtime < CHECKPOINT.stat().st_mtime:
        say(f'evaluating {CHECKPOINT}')
        prefix = DETECTIONS.with_name('val')
        run_tool(TOOLS / 'test.py', CONFIG, CHECKPOINT, '--work-dir', DETECTIONS.parent, '--cfg-options',
                 f'test_evaluator.outfile_prefix={prefix}')
    return max(DETECTIONS.parent.glob('*/class_ap_bbox.csv')).parent


def main() -> None:
    """Run all steps and say where their results are."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    start = time.monotonic()
    run_tool(TOOLS / 'data/make_digits_longtail.py', DATA)
    train()
    results = evaluate()
    with one_line_errors(verbose=False, code=RUN_ERROR):
        annotations = DATA / 'annotations/digits_longtail_val.json'
        pictures = [
            draw_detections(annotations, DETECTIONS, DATA / 'visible', WORK_DIR / 'detections.png'),
            draw_class_curve(results / 'class_ap_bbox.csv', WORK_DIR / 'class_ap.png',
                             'Quickstart: RetinaNet R18 with IRFS on the long-tailed digits')
        ]
        summary = json.loads((results / f'{results.name}.json').read_text())
    print()
    say('  '.join(f'{name} {summary[f"lvis/bbox_{name}"]:.3f}' for name in ('AP', 'APr', 'APc', 'APf'))
        + '  (all, rare, common and frequent classes)')
    say(f'detections        {pictures[0]}')
    say(f'AP of each class  {pictures[1]} and {results / "class_ap_bbox.csv"}')
    say(f'checkpoint        {CHECKPOINT}')
    say(f'done in {time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
