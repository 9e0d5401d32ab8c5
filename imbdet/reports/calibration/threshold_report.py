"""The page of score thresholds: what they gain, and where they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.reports.calibration.probability_choice import ProbabilityChoice
from imbdet.reports.calibration.probability_report import SCOPE_NAMES, probability_section
from imbdet.reports.calibration.threshold_choice import ThresholdChoice
from imbdet.reports.drawing.figures import GROUP_COLORS, GROUP_NAMES, mark_groups, new_figure, save_figure, train_images_axis
from imbdet.reports.drawing.html_page import Section, write_page
from imbdet.reports.results.long_tail_numbers import SCOPES, EvaluatedClasses

JUDGED = ('Each half of the images is judged with thresholds that were chosen on the other half, so no image is judged with '
          'what was chosen on it. The thresholds of the file are chosen on all images.')
SINGLE = 'The single threshold is chosen in the same way, for all classes together.'


def write_threshold_report(folder: str | Path, classes: EvaluatedClasses, choice: ThresholdChoice,
                           probabilities: ProbabilityChoice | None, aim: str, iou: float, lead: str) -> Path:
    """Write ``index.html`` and its picture.

    Args:
        folder: Folder to write to.
        classes: The evaluated classes.
        choice: The thresholds.
        probabilities: The scores as probabilities; None leaves out their section.
        aim: What they were chosen for.
        iou: IoU at which a detection is correct.
        lead: First sentence of the page: of which results.

    Returns:
        The page.
    """
    folder = Path(folder)
    sections = [
        Section('What they gain', f'{JUDGED} {SINGLE}', _draw(folder / 'thresholds.png', classes, choice),
                _scope_table(classes, choice)),
        Section('All classes', 'From the fewest to the most training images. Precision, recall and F1 are those of the '
                "class's own threshold, judged as above.", None, _class_table(classes, choice))
    ]
    if probabilities is not None:
        sections.insert(1, probability_section(folder, classes, probabilities))
    return write_page(folder / 'index.html', 'Score thresholds',
                      f'{lead} Chosen for {aim}; a detection is correct at an IoU of at least {iou:g}.', sections)


def scope_rows(classes: EvaluatedClasses,
               choice: ThresholdChoice) -> list[tuple[str, float, float, tuple[float, float, float]]]:
    """Compare both kinds of thresholds for all classes, and for rare, common and frequent ones.

    Args:
        classes: The evaluated classes.
        choice: The thresholds.

    Returns:
        For each group that has classes its name, the mean F1 by a single threshold, that by thresholds of each class, and
        their difference with its 95 % interval.
    """
    scopes = {scope: members for scope in SCOPES if (members := classes.members(scope)).any()}
    differences = choice.differences(scopes)
    single, own = choice.of_single.f1(), choice.of_classes.f1()
    return [(SCOPE_NAMES[scope], float(np.nanmean(single[members])), float(np.nanmean(own[members])), differences[scope])
            for scope, members in scopes.items() if not np.isnan(own[members]).all()]


def _scope_table(classes: EvaluatedClasses, choice: ThresholdChoice) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [('mean F1 of', f'one threshold ({choice.single:.3f})', 'a threshold for each class',
                                  'difference (95 % interval, bootstrap over images)')]
    for name, single, own, (difference, low, high) in scope_rows(classes, choice):
        rows.append((name, f'{single:.3f}', f'{own:.3f}', f'{difference:+.3f} ({low:+.3f} to {high:+.3f})'))
    return rows


def _class_table(classes: EvaluatedClasses, choice: ThresholdChoice) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [('class', 'group', 'training images', 'threshold', 'precision', 'recall', 'F1',
                                  'F1, one threshold')]
    columns = [choice.of_classes.precision(), choice.of_classes.recall(), choice.of_classes.f1(), choice.of_single.f1()]
    for c in np.argsort(classes.train_images, kind='stable'):
        rows.append((classes.names[c], GROUP_NAMES[classes.groups[c]], str(classes.train_images[c]),
                     f'{choice.thresholds[c]:.3f}', *(_number(column[c]) for column in columns)))
    return rows


def _number(value: float) -> str:
    return '' if np.isnan(value) else f'{value:.3f}'


def _draw(out: Path, classes: EvaluatedClasses, choice: ThresholdChoice) -> Path:
    """Draw thresholds and F1 of each class against its training images."""
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    counts = np.maximum(classes.train_images, 0.5)  # of a class without any, left of 1 on the log axis
    for group in GROUP_NAMES:
        members = classes.groups == group
        left.scatter(counts[members], choice.thresholds[members], s=18, color=GROUP_COLORS[group])
    left.axhline(choice.single, color='#34495e', linewidth=1, linestyle='--', label='one threshold for all')
    left.legend(fontsize=8)
    left.set_ylabel('score threshold')
    left.set_title('Threshold of each class', pad=18)
    single, own = choice.of_single.f1(), choice.of_classes.f1()
    right.vlines(counts, single, own, color='#bdc3c7', linewidth=1)
    right.scatter(counts, single, s=14, color='#34495e', label='one threshold')
    right.scatter(counts, own, s=14, color='#16a085', label='a threshold for each class')
    right.set_ylabel('F1 on the other half of the images')
    right.set_title('F1 of each class', pad=18)
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        train_images_axis(axes)
        mark_groups(axes, counts, classes.groups)
    return save_figure(figure, out)
