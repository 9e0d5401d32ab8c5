"""The section about scores as probabilities: precision by score and by probability."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.evaluation.calibration import Reliability, reliability
from imbdet.reports.calibration.probability_choice import ProbabilityChoice
from imbdet.reports.drawing.figures import GROUP_COLORS, GROUP_NAMES, new_figure, save_figure
from imbdet.reports.drawing.html_page import Section
from imbdet.reports.results.long_tail_numbers import SCOPES, EvaluatedClasses

SCOPE_NAMES = {'all': 'all classes', **GROUP_NAMES}
KINDS = 'score', 'probability'
FEW = 5
MEANING = ('A probability is sigmoid(slope logit(score) + shift of the class), with slope {slope:.3f} and the shifts in '
           'thresholds.json, fitted to whether detections are correct. Where a curve is on the diagonal, it is the share of '
           'detections that are correct; points of fewer than {few} detections are left out. Each half of the images has '
           'probabilities that were fitted on the other half. The ranking within a class stays, and so does AP; AP of all '
           'classes ranked together is {before:.4f} by scores and {after:.4f} by probabilities.')


def probability_section(folder: Path, classes: EvaluatedClasses, choice: ProbabilityChoice) -> Section:
    """Write the picture, and return the section.

    Args:
        folder: Folder of the page.
        classes: The evaluated classes.
        choice: The probabilities.

    Returns:
        The section.
    """
    found = {scope: [_reliability(classes, choice, scope, values) for values in (choice.scores, choice.probabilities)]
             for scope in SCOPES}
    rows: list[Sequence[str]] = [('expected calibration error of', *KINDS, 'detections')]
    rows += [(SCOPE_NAMES[scope], *(f'{each.error:.3f}' for each in pair), str(pair[0].counts.sum()))
             for scope, pair in found.items() if pair[0].counts.sum()]
    before, after = choice.pooled_ap
    text = MEANING.format(few=FEW, slope=choice.fitted.slope, before=before, after=after)
    return Section('Scores as probabilities', text, _draw(folder / 'reliability.png', found), rows)


def _reliability(classes: EvaluatedClasses, choice: ProbabilityChoice, scope: str, values: np.ndarray) -> Reliability:
    inside = classes.members(scope)[choice.classes]
    return reliability(values[inside], choice.correct[inside])


def _draw(out: Path, found: dict[str, list[Reliability]]) -> Path:
    figure = new_figure(8.4, 4.2)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for number, (axes, kind) in enumerate(zip(panels, KINDS, strict=True)):
        axes.plot([0, 1], [0, 1], color='#7f8c8d', linewidth=1, linestyle='--')
        for group, name in GROUP_NAMES.items():
            bins = found[group][number]
            filled = bins.counts >= FEW
            axes.plot(bins.mean_scores[filled], bins.precisions[filled], 'o-', color=GROUP_COLORS[group], markersize=4,
                      label=f'{name} classes')
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=kind)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel('share that is correct')
    panels[0].legend(fontsize=8)
    return save_figure(figure, out)
