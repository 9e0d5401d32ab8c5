"""Long-tail report: results of one or more runs, per class and by frequency group."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.evaluation.tide_errors import ERROR_TYPES
from imbdet.reports.drawing.class_curve import draw_class_curves
from imbdet.reports.drawing.figures import GROUP_NAMES, RUN_COLORS
from imbdet.reports.drawing.html_page import Section, write_page
from imbdet.reports.results.confusion import confusion_table, draw_confusion
from imbdet.reports.results.long_tail_numbers import EvaluatedClasses, ResultsEvaluator, Run, mean_over_seeds
from imbdet.reports.results.long_tail_pictures import (
    SCOPE_NAMES,
    SUMMARY,
    draw_calibration,
    draw_difference,
    draw_errors,
    draw_summary,
)
from imbdet.reports.results.long_tail_tables import write_tables

COUNTED = {
    'lvis': 'LVIS rules: a class is evaluated only in images that contain it or list it in neg_category_ids, unmatched '
            'detections of not_exhaustive_category_ids are ignored, and the 300 detections per image with the highest scores '
            'count.',
    'coco': 'COCO rules: every class is evaluated in every image, detections on a crowd of their class are ignored, and the '
            '100 detections per image and class with the highest scores count.'
}
GAINS_TEXT = (
    'The AP at IoU 0.5 that would be gained by fixing all errors of one type and no others (TIDE, arXiv 2008.08115). '
    'Classification: on an object of another class. Localisation: IoU of 0.1 to 0.5 with an object of its class. Both: IoU '
    'of 0.1 to 0.5 with an object of another class. Duplicate: on an object that a detection with a higher score matches. '
    'Background: IoU below 0.1 with every object. Missed: objects without a detection of any of these types. The gains do not '
    'add up to the difference from a perfect AP. Missed objects are fixed by removing them: a class without any other object '
    'is left out of the mean of that bar, and without any class left there is no bar.')
COUNTS_TEXT = (
    'False positives are counted for the detected class, missed objects for their own. Most false positives have low scores '
    'and cost little, so a type with many errors may have a small gain. Detections that the evaluation ignores are not '
    'errors.')
CONFUSION_TEXT = (
    'Of the objects of each group the share that is found as its own class, as another class, by the group of that class, or '
    'not at all, at IoU 0.5. In the last row, the detections that are on no object: on the background, too far from an object '
    'of their class, or duplicates. Detections above a score count, that of the highest F1 over all classes: ')
CALIBRATION_TEXT = (
    'Upper row: the share of detections that are correct at IoU 0.5, by score, in ten bins. On the dashed line, the score is '
    'the probability of being correct; below it, the detector is overconfident. Lower row: the number of detections in each '
    'bin; points of few detections are uncertain. The detections of all seeds are pooled. The table lists the detection '
    'expected calibration error (D-ECE, arXiv 2004.13546): the distance from the dashed line, averaged over the detections, '
    'usually most of them in the lowest bin. Detections that the evaluation ignores do not count.')


def write_long_tail_report(folder: str | Path, evaluator: ResultsEvaluator, runs: Sequence[Run]) -> Path:
    """Write ``index.html``, its pictures and the tables as CSV.

    Args:
        folder: Folder to write to.
        evaluator: The evaluator of the results.
        runs: One to eight runs, the baseline first.

    Returns:
        The page.

    Raises:
        ValueError: If there are more than eight runs.
    """
    if len(runs) > len(RUN_COLORS):
        raise ValueError(f'{len(runs)} runs are too many to distinguish in a picture; compare at most {len(RUN_COLORS)}')
    folder, classes = Path(folder), evaluator.classes
    write_tables(folder, classes, runs)
    aps = {run.name: mean_over_seeds([file.class_ap for file in run.files])[0] for run in runs}
    sections = [
        Section('AP by class frequency', _summary_text(classes, runs), draw_summary(folder / 'summary.png', runs),
                _summary_table(runs)),
        Section('AP of each class', _class_text(classes, aps, runs),
                draw_class_curves(folder / 'class_ap.png', classes.names, classes.groups, classes.train_images, aps)),
        *_differences(folder, classes, aps),
        Section('Types of errors', GAINS_TEXT, draw_errors(folder / 'errors.png', runs), _gain_table(runs)),
        Section('Number of errors', COUNTS_TEXT, None, _count_table(runs)),
        Section('As what objects are found', CONFUSION_TEXT + _thresholds(runs), draw_confusion(folder / 'confusion.png', runs),
                confusion_table(runs)),
        Section('Calibration', CALIBRATION_TEXT, draw_calibration(folder / 'calibration.png', runs),
                _calibration_table(runs)),
        Section('All classes', 'From the fewest to the most training images; also in class_table.csv, with one column '
                'per seed.', None, _class_table(classes, aps)),
        Section('Files', 'A results file does not list images in which nothing was detected; all images are judged.', None,
                [('run', 'images with detections', 'results file'),
                 *((run.name, str(file.images_with_detections), str(file.path)) for run in runs for file in run.files)])
    ]
    lead = (f'{", ".join(run.name for run in runs)} on the {len(evaluator.annotations.images)} images of '
            f'{evaluator.ann_file}; {"boxes" if evaluator.kind == "bbox" else "masks"}. {COUNTED[evaluator.style]} The '
            'numbers, not rounded, are also in summary.csv, class_table.csv, errors.csv and calibration.csv next to this page.')
    return write_page(folder / 'index.html', 'Long-tail report', lead, sections)


def _number(value: float, deviation: float = float('nan'), signed: bool = False) -> str:
    text = '\N{EN DASH}' if np.isnan(value) else f'{value:+.4f}' if signed else f'{value:.4f}'
    return text if np.isnan(deviation) else f'{text}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{deviation:.4f}'


def _summary_text(classes: EvaluatedClasses, runs: Sequence[Run]) -> str:
    groups = ', '.join(f'{np.count_nonzero(classes.members(group))} {name}' for group, name in GROUP_NAMES.items())
    if any(len(run.files) > 1 for run in runs):
        seeds = ('Bars are means over the seeds, whiskers are one standard deviation (of the sample) up and down, circles are '
                 'the seeds; a run with one seed has neither whiskers nor circles.')
    else:
        seeds = 'One seed each: the variation between trainings is unknown.'
    return f'{len(classes.ids)} classes: {groups}. {seeds}'


def _summary_table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    names = (*SUMMARY, 'AP50', 'AP75')
    values = [mean_over_seeds([np.array([file.summary[name] for name in names]) for file in run.files]) for run in runs]
    rows: list[tuple[str, ...]] = [('run', *names)]
    rows += [(run.name, *map(_number, *run_values)) for run, run_values in zip(runs, values, strict=True)]
    for run, (mean, _) in zip(runs[1:], values[1:], strict=True):
        rows.append((f'{run.name} minus {runs[0].name}',
                     *(_number(difference, signed=True) for difference in mean - values[0][0])))
    return rows


def _class_text(classes: EvaluatedClasses, aps: dict[str, np.ndarray], runs: Sequence[Run]) -> str:
    text = 'Each point is a class. The line averages neighboring classes and shows how AP depends on training images.'
    if any(len(run.files) > 1 for run in runs):
        text += ' AP is the mean over the seeds.'
    without = np.count_nonzero(np.isnan(next(iter(aps.values()))))
    if without:
        text += f' Classes without an object in these images, and therefore without AP: {without}.'
    unseen = np.count_nonzero(classes.train_images == 0)
    if unseen:
        text += f' Classes without training images, drawn at one half because a log axis has no zero: {unseen}.'
    return text


def _differences(folder: Path, classes: EvaluatedClasses, aps: dict[str, np.ndarray]) -> list[Section]:
    """Compare each run but the first with it."""
    (baseline, expected), *others = aps.items()
    sections = []
    for index, (name, found) in enumerate(others, start=1):
        difference = found - expected
        order = np.argsort(-np.nan_to_num(difference), kind='stable')
        shown = [*(position for position in order[:8] if difference[position] > 0),
                 *(position for position in order[-8:] if difference[position] < 0)]
        sections.append(Section(
            f'{name} compared with {baseline}',
            f'Classes whose AP rises: {np.count_nonzero(difference > 0)}; falls: {np.count_nonzero(difference < 0)}. Single '
            'classes, rare ones in particular, also differ between two seeds of the same run; trust the running mean more '
            'than a point. The table lists the eight greatest gains and losses.',
            draw_difference(folder / f'difference_{index}.png', classes, difference, name, baseline),
            [('class', 'group', 'training images', baseline, name, 'difference'),
             *((classes.names[position], GROUP_NAMES[classes.groups[position]], str(classes.train_images[position]),
                _number(expected[position]), _number(found[position]), _number(difference[position], signed=True))
               for position in shown)]))
    return sections


def _thresholds(runs: Sequence[Run]) -> str:
    return '; '.join(f'{run.name} {", ".join(f"{file.threshold:.2f}" for file in run.files)}' for run in runs) + '.'


def _gain_table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [('AP50 gained', 'classes', *ERROR_TYPES)]
    for run in runs:
        gains = mean_over_seeds([file.ap50_gains for file in run.files])
        rows += [(run.name, name, *map(_number, *scope_values))
                 for name, *scope_values in zip(SCOPE_NAMES.values(), *gains, strict=True)]
    return rows


def _count_table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [('errors', 'classes', *ERROR_TYPES, 'all objects')]
    for run in runs:
        counts = mean_over_seeds([file.error_counts for file in run.files])[0]
        rows += [(run.name, name, *(f'{count:.0f}' for count in scope_values), str(number)) for name, scope_values, number
                 in zip(SCOPE_NAMES.values(), counts, run.files[0].num_objects, strict=True)]
    return rows


def _calibration_table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [('D-ECE', *SCOPE_NAMES.values())]
    for run in runs:
        errors = mean_over_seeds([np.array([part.error for part in file.reliability]) for file in run.files])
        rows.append((run.name, *map(_number, *errors)))
    return rows


def _class_table(classes: EvaluatedClasses, aps: dict[str, np.ndarray]) -> list[tuple[str, ...]]:
    order = np.argsort(classes.train_images, kind='stable')
    return [('class', 'group', 'training images', *aps),
            *((classes.names[index], GROUP_NAMES[classes.groups[index]], str(classes.train_images[index]),
               *(_number(values[index]) for values in aps.values())) for index in order)]
