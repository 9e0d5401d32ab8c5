"""``imbdet thresholds RESULTS.json ANN.json --out FOLDER``: score thresholds for deployment, one for each class.

RESULTS.json has detections on images that were not trained on, such as ``imbdet test CONFIG CHECKPOINT --out RESULTS.json``
writes them, with a low ``score_thr``; ANN.json their annotations. Do not choose thresholds on the images of the final
evaluation.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imbdet.evaluation.matching import Matches
    from imbdet.evaluation.score_thresholds import Choose
    from imbdet.reports.calibration.probability_choice import ProbabilityChoice

EPILOG = """
The thresholds are in FOLDER/thresholds.json, {"classes": {"cat": 0.31, ...}, ...}; FOLDER/index.html says what they gain.
"imbdet test CONFIG CHECKPOINT --thresholds FOLDER/thresholds.json" applies them before NMS, as does
dict(type='ClassAdaptiveThresholdHook', thresholds='FOLDER/thresholds.json') in custom_hooks. In your own code, keep a detection
whose score is above the threshold of its class; its "probabilities" have a slope and a shift of each class, with which
sigmoid(slope logit(score) + shift) is the probability that a detection is correct.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.epilog = EPILOG
    parser.add_argument('results', type=Path, help='COCO results file')
    parser.add_argument('ann', type=Path, help='annotation file of its images')
    parser.add_argument('--train-ann', type=Path,
                        help='training annotations, to count the images of each class (default: the counts in ANN)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/thresholds'),
                        help='folder to write to (default: %(default)s)')
    parser.add_argument('--precision', type=float,
                        help='choose the lowest threshold above which this share of detections is correct (default: choose '
                        'the highest F1)')
    parser.add_argument('--iou', type=float, default=0.5,
                        help='IoU from which on a detection is correct (default: %(default)s)')
    parser.add_argument('--metric', choices=['bbox', 'segm'], default='bbox', help='boxes or masks (default: %(default)s)')
    parser.add_argument('--style', choices=['lvis', 'coco'],
                        help='rules of evaluation (default: lvis if the images of ANN have neg_category_ids)')
    parser.add_argument('--rare-max', type=int, default=10,
                        help='most training images of a rare class, with --train-ann (default: %(default)s)')
    parser.add_argument('--common-max', type=int, default=100, help='of a common class (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the division into halves (default: %(default)s)')


def aim_of(arguments: argparse.Namespace) -> 'tuple[str, Choose]':
    """Return what thresholds are chosen for, and how.

    Raises:
        ValueError: If a flag is out of range.
    """
    from imbdet.evaluation.score_thresholds import f1_threshold, precision_threshold

    if not 0 < arguments.iou <= 1:
        raise ValueError(f'--iou must be in (0, 1], got {arguments.iou}')
    if arguments.precision is None:
        return 'f1', f1_threshold
    return f'precision {arguments.precision:g}', precision_threshold(arguments.precision)


def probabilities_of(matches: 'Matches', num_classes: int, seed: int) -> 'ProbabilityChoice | None':
    """Fit the probabilities of scores; warn and return None if that is not possible."""
    from imbdet.reports.calibration.probability_choice import choose_probabilities

    try:
        return choose_probabilities(matches, num_classes, seed)
    except ValueError as error:
        print(f'imbdet: warning: no probabilities are written: {error}', file=sys.stderr)
        return None


def run(arguments: argparse.Namespace) -> None:
    """Choose the thresholds, and write them with a report."""
    from imbdet.classes import GroupLimits
    from imbdet.classes.thresholds_file import Probabilities, ScoreThresholds, write_thresholds
    from imbdet.evaluation.results_file import part_warning
    from imbdet.reports.calibration.threshold_choice import choose_thresholds
    from imbdet.reports.calibration.threshold_report import scope_rows, write_threshold_report
    from imbdet.reports.results.long_tail_numbers import ResultsEvaluator

    aim, choose = aim_of(arguments)
    limits = GroupLimits(arguments.rare_max, arguments.common_max)
    evaluator = ResultsEvaluator(arguments.ann, arguments.train_ann, arguments.style, arguments.metric, limits)
    matches = evaluator.match(arguments.results, arguments.iou)
    num_images = len(evaluator.annotations.images)
    warning = part_warning(arguments.results, len(set(matches.images.tolist())), num_images, arguments.ann)
    if warning:
        print(f'imbdet: warning: {warning}', file=sys.stderr)
    classes = evaluator.classes
    choice = choose_thresholds(matches, classes.groups, choose, arguments.seed)
    judged = probabilities_of(matches, len(classes.names), arguments.seed)
    probabilities = judged and Probabilities(judged.fitted.slope,
                                             dict(zip(classes.names, judged.fitted.shifts.tolist(), strict=True)))
    file = arguments.out / 'thresholds.json'
    write_thresholds(file, ScoreThresholds(dict(zip(classes.names, choice.thresholds.tolist(), strict=True)), aim,
                                           arguments.iou, probabilities))
    page = write_threshold_report(arguments.out, classes, choice, judged, aim, arguments.iou,
                                  f'{arguments.results} on the {num_images} images of {arguments.ann}.')
    for name, single, own, (difference, low, high) in scope_rows(classes, choice):
        print(f'{name}: mean F1 {single:.3f} with one threshold, {own:.3f} with one for each class: {difference:+.3f} '
              f'({low:+.3f} to {high:+.3f})')
    if judged:
        print('AP of all classes ranked together: {:.4f} by score, {:.4f} by probability'.format(*judged.pooled_ap))
    print(f'wrote {file} and {page}')
