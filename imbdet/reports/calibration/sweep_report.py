"""The page of a sweep over calibrations."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imbdet.calibration import Calibration
from imbdet.reports.calibration.sweep import METRICS, Sweep
from imbdet.reports.drawing.figures import GROUP_COLORS, new_figure, save_figure
from imbdet.reports.drawing.html_page import Section, write_page

HEADINGS = {'AP_fixed': 'AP^fixed', 'AP_pool': 'AP^pool'}
COLORS = {'AP': '#34495e', 'APr': GROUP_COLORS['r'], 'APc': GROUP_COLORS['c'], 'APf': GROUP_COLORS['f'], 'AP_fixed': '#16a085',
          'AP_pool': '#8e44ad'}
MEANING = ('AP ranks the detections of each class by themselves, and counts those that have a place among the detections of an '
           'image. AP^fixed counts the 10,000 best detections of each class, of five times as many an image as there '
           'are classes, 1,000 at most, so that no class takes the places of another. AP^pool ranks the detections of all '
           'classes together, and falls where their scores are not comparable. A calibration that gains AP and loses AP^fixed '
           'and AP^pool only changed which classes are shown.')
UNSEEN = ('The last row is what the choice gains on images that it was not made on: in each of {folds} parts of the images, '
          'the calibration that is best on the other parts, by {by}, is compared with none; the row is the mean. By {by}, '
          '{gaining} of the parts gain. The best on all images is in the checkpoint.')


def write_sweep_report(folder: str | Path, found: Sweep, calibrations: Mapping[str, Calibration], lead: str) -> Path:
    """Write ``index.html`` and its picture.

    Args:
        folder: Folder to write to.
        found: The sweep.
        calibrations: The calibrations by name.
        lead: First sentence of the page: what was swept, and on which images.

    Returns:
        The page.
    """
    folder = Path(folder)
    sections = [Section('Metrics of each calibration', MEANING + '\n\n' + _unseen_text(found),
                        draw_sweep(folder / 'sweep.png', found, calibrations), sweep_table(found))]
    return write_page(folder / 'index.html', 'Calibration', lead, sections)


def sweep_table(found: Sweep) -> list[tuple[str, ...]]:
    """Return the metrics as rows of text, the header first.

    Args:
        found: The sweep.

    Returns:
        A row for each calibration, and one for what the choice gains on unseen images.
    """
    rows = [('calibration', *(HEADINGS.get(metric, metric) for metric in METRICS))]
    for position, (name, metrics) in enumerate(zip(found.names, found.metrics, strict=True)):
        rows.append((f'{name} (best)' if position == found.best else name, *map(_number, metrics.values())))
    return [*rows, ('gain of the choice on unseen images', *(_number(gain, '+') for gain in found.unseen_gain.values()))]


def chance_warning(found: Sweep) -> str | None:
    """Warn if the choice of a calibration gains nothing on images that it is not made on.

    Args:
        found: The sweep.

    Returns:
        The warning; None if it gains, or none is best.
    """
    gain = found.unseen_gain[found.by]
    if found.best == 0 or gain > 0:
        return None
    return (f'on images that it is not made on, the choice gains no {found.by} ({gain:+.4f}): what the best of the '
            'calibrations gains may be chance')


def _unseen_text(found: Sweep) -> str:
    chosen = ', '.join(dict.fromkeys(found.names[position] for position in found.chosen))
    gaining = sum(gain[found.by] > 0 for gain in found.gains)
    text = UNSEEN.format(folds=len(found.chosen), by=HEADINGS.get(found.by, found.by), gaining=gaining)
    return f'{text} Chosen without each part: {chosen}.'


def _number(value: float, sign: str = '') -> str:
    return '' if np.isnan(value) else f'{value:{sign}.4f}'


def draw_sweep(out: str | Path, found: Sweep, calibrations: Mapping[str, Calibration]) -> Path:
    """Draw the metrics against the strength of the calibration: one picture for each value of the other settings.

    Args:
        out: PNG to write.
        found: The sweep.
        calibrations: The calibrations by name.

    Returns:
        ``out``.
    """
    curves: dict[str, list[tuple[float, int]]] = {}
    for position, name in enumerate(found.names):
        if name in calibrations:
            strength, others = _strength(calibrations[name])
            curves.setdefault(others, []).append((strength, position))
    figure = new_figure(4.2 * max(len(curves), 1), 4.2)
    panels = figure.subplots(1, max(len(curves), 1), sharey=True, squeeze=False)[0]
    for axes, (others, points) in zip(panels, sorted(curves.items()), strict=False):
        ordered = sorted([(0.0, 0), *points] if not calibrations[found.names[points[0][1]]].k else points)  # 0: no calibration
        for metric in METRICS:
            axes.plot([strength for strength, _ in ordered], [found.metrics[position][metric] for _, position in ordered],
                      marker='.', color=COLORS[metric], label=HEADINGS.get(metric, metric),
                      linestyle='--' if metric in HEADINGS else '-')
        for strength, position in ordered:
            if position == found.best:
                axes.axvline(strength, color='#7f8c8d', linewidth=0.8, linestyle=':')
        axes.set_title(others or ' ', fontsize=10)
        axes.set_xlabel(AXES[calibrations[found.names[points[0][1]]].method])
    panels[0].set_ylabel('on the held-out images')
    figure.legend(*panels[0].get_legend_handles_labels(), loc='outside lower center', ncols=len(METRICS), fontsize=8,
                  frameon=False)
    return save_figure(figure, out)


AXES = {'norcal': 'tau', 'logit-adjustment': 'tau', 'fracal': '1 / ln(base)', 'logn': 'LogN: 0 without, 1 with'}


def _strength(calibration: Calibration) -> tuple[float, str]:
    """Return where a calibration is on the axis, and what else distinguishes it."""
    others = [f'lam {calibration.dimension_strength:g}'] if calibration.method == 'fracal' else []
    others += [f'k {calibration.k:+g}'] if calibration.k else []
    strength = {'fracal': 1 / np.log(calibration.logarithm), 'logn': 1.0}.get(calibration.method, calibration.strength)
    return float(strength), ', '.join(others)
