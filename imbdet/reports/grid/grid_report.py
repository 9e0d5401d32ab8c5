"""Grid report in HTML, Markdown and CSV: accuracy over seeds, differences from the baseline, cost."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imbdet.files import atomic_write, write_csv
from imbdet.reports.drawing.class_curve import draw_class_curves
from imbdet.reports.drawing.figures import RUN_COLORS, new_figure, save_figure
from imbdet.reports.drawing.html_page import Section, write_page
from imbdet.reports.grid.grid_results import Training
from imbdet.reports.grid.paired_difference import PairedDifference, paired_difference
from imbdet.reports.results.long_tail_numbers import mean_over_seeds

SHOWN = ('_AP', '_APr', '_APc', '_APf', '_mAP')
"""Suffixes of the metrics that are shown by default."""

SEEDS_TEXT = 'Mean and standard deviation (of the sample) over the seeds. Only compare runs with the same number of iterations.'
DIFFERENCE_TEXT = (
    'Difference of a run and its baseline, seed by seed: the mean, and its 95 % bootstrap interval over the seeds. If the '
    'interval contains 0, the two are not statistically distinguishable. With few seeds the interval is too narrow: with '
    'five, it misses the true mean in about one of six cases.')
COST_TEXT = (
    'Images seen include repeats. The time per iteration is a median over the trainings and depends on what else ran on the '
    'machine; benchmarks/overhead.py compares times fairly.')


class GridRun(NamedTuple):
    """The trainings of one run by seed, and the name of its baseline."""

    name: str
    baseline: str
    trainings: dict[int, Training]

    def values(self, metric: str) -> dict[int, float]:
        """Return a metric by seed; NaN for a training without it."""
        return {seed: training.metrics.get(metric, float('nan')) for seed, training in self.trainings.items()}


def group_runs(trainings: Sequence[Training]) -> list[GridRun]:
    """Group trainings by run.

    Args:
        trainings: As :func:`merge_results` returns them.

    Returns:
        The runs, in the order of their first trainings.
    """
    runs: dict[str, GridRun] = {}
    for training in trainings:
        run = runs.setdefault(training.name, GridRun(training.name, training.baseline, {}))
        run.trainings[training.seed] = training
    return list(runs.values())


def shown_metrics(trainings: Sequence[Training]) -> list[str]:
    """List the metrics that are shown by default, in the order of the evaluation."""
    return [name for name in dict.fromkeys(name for training in trainings for name in training.metrics) if name.endswith(SHOWN)]


def write_grid_report(folder: str | Path, trainings: Sequence[Training], metrics: Sequence[str] | None = None) -> Path:
    """Write ``index.html``, ``table.md``, ``trainings.csv`` and a picture.

    Args:
        folder: Folder to write to.
        trainings: Trainings of a grid, at least one.
        metrics: Metrics to show; None: APs over all classes and by frequency group. The CSV contains all.

    Returns:
        The page.

    Raises:
        ValueError: If there is no training, no training has a requested metric, or none has a default one.
    """
    if not trainings:
        raise ValueError('no training is finished, so there is nothing to report; run the grid first')
    known = {name for training in trainings for name in training.metrics}
    metrics = list(metrics or shown_metrics(trainings))
    if not metrics:
        raise ValueError(f'no metric ends with {", ".join(SHOWN)}; choose metrics from {", ".join(sorted(known))}')
    if unknown := [name for name in metrics if name not in known]:
        raise ValueError(f'no training has the metric {unknown[0]}; choose from {", ".join(sorted(known))}')
    folder, runs = Path(folder), group_runs(trainings)
    differences = {run.name: run_differences(run, runs, metrics) for run in runs}
    tables = _accuracy_table(runs, metrics), _difference_table(runs, metrics, differences), _cost_table(runs)
    _write_trainings(folder / 'trainings.csv', trainings)
    with atomic_write(folder / 'table.md') as path:
        path.write_text('\n\n'.join(map(_markdown, filter(lambda table: len(table) > 1, tables))) + '\n', encoding='utf-8')
    compared = len(tables[1]) > 1
    picture = _draw(folder / 'differences.png', runs, differences, metrics) if compared else None
    sections = [Section('Accuracy', SEEDS_TEXT, None, tables[0]),
                *([Section('Differences from the baseline', DIFFERENCE_TEXT, picture, tables[1])] if compared else []),
                *_class_sections(folder, runs, metrics[0]),
                Section('Cost', COST_TEXT, None, tables[2])]
    lead = (f'{len(trainings)} trainings of {len(runs)} runs, on {", ".join(sorted({each.device for each in trainings}))}. All '
            'numbers of every training, not rounded, are in trainings.csv next to this page.')
    return write_page(folder / 'index.html', 'Grid of trainings', lead, sections)


def run_differences(run: GridRun, runs: Sequence[GridRun], metrics: Sequence[str]) -> list[PairedDifference]:
    """Compare a run with its baseline in each metric.

    Args:
        run: The run.
        runs: All runs.
        metrics: The metrics.

    Returns:
        One difference per metric; an empty list if the run is a baseline, or its baseline is not among the runs.
    """
    others = [other for other in runs if other.name == run.baseline and other.name != run.name]
    return [paired_difference(run.values(metric), other.values(metric)) for other in others for metric in metrics]


def _class_sections(folder: Path, runs: Sequence[GridRun], metric: str) -> list[Section]:
    """Draw AP of each class for the first baseline and for the best run that is compared with it."""
    baseline = next((run for run in runs if run.name == run.baseline), None)
    if baseline is None:
        return []
    means = {run.name: np.mean(list(run.values(metric).values())) for run in runs}
    others = [run for run in runs if run.baseline == baseline.name and run is not baseline and not np.isnan(means[run.name])]
    shown, text = [baseline], 'Means over the seeds.'
    if others:
        best = max(others, key=lambda run: means[run.name])
        shown.append(best)
        text += f' Among the runs compared with {baseline.name}, {best.name} has the highest {metric}, partly by chance.'
    aps = {run.name: class_aps(run) for run in shown}
    if len({tuple(run_aps) for run_aps in aps.values()}) > 1 or not aps[baseline.name]:
        return []  # tables of different classes, or none
    classes = next(iter(baseline.trainings.values())).classes
    counts, groups = np.array([each.train_images for each in classes]), np.array([each.frequency for each in classes])
    picture = draw_class_curves(folder / 'class_ap.png', [each.name for each in classes], groups, counts,
                                {name: np.array(list(run_aps.values())) for name, run_aps in aps.items()})
    return [Section('AP of each class', text, picture)]


def class_aps(run: GridRun) -> dict[str, float]:
    """Average AP of each class over the seeds of a run; NaN for a class without ground truth, empty without tables."""
    tables = [{each.name: float('nan') if each.ap is None else each.ap for each in training.classes}
              for training in run.trainings.values()]
    if any(table.keys() != tables[0].keys() for table in tables):
        return {}
    return {name: float(np.mean([table[name] for table in tables])) for name in tables[0]}


def _number(value: float, form: str = '.3f') -> str:
    return '\N{EN DASH}' if np.isnan(value) else format(value, form)


def _accuracy_table(runs: Sequence[GridRun], metrics: Sequence[str]) -> list[list[str]]:
    rows = [['run', 'seeds', 'iterations', *metrics]]
    for run in runs:
        cells = []
        for metric in metrics:
            mean, deviation = mean_over_seeds(list(run.values(metric).values()))
            cells.append(_number(float(mean)) + ('' if np.isnan(deviation) else f' ± {deviation:.3f}'))
        rows.append([run.name, str(len(run.trainings)), _range([each.iterations for each in run.trainings.values()]), *cells])
    return rows


def _difference_table(runs: Sequence[GridRun], metrics: Sequence[str],
                      differences: dict[str, list[PairedDifference]]) -> list[list[str]]:
    rows = [['run minus baseline', 'pairs', *metrics]]
    for run in runs:
        found = differences[run.name]
        if found:
            rows.append([f'{run.name} minus {run.baseline}', str(max(each.pairs for each in found)), *map(_difference, found)])
    return rows


def _difference(found: PairedDifference) -> str:
    interval = '' if np.isnan(found.low) else f' ({found.low:+.3f} to {found.high:+.3f})'
    return _number(found.mean, '+.3f') + interval


def _cost_table(runs: Sequence[GridRun]) -> list[list[str]]:
    rows = [['run', 'iterations', 'images seen', 'median iteration in ms']]
    for run in runs:
        trainings = run.trainings.values()
        rows.append([run.name, _range([each.iterations for each in trainings]), _range([each.images for each in trainings]),
                     f'{1000 * np.median([each.step_seconds for each in trainings]):.0f}'])
    return rows


def _range(values: Sequence[int]) -> str:
    return f'{min(values):,}' if min(values) == max(values) else f'{min(values):,} to {max(values):,}'


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return '\n'.join(f'| {" | ".join(row)} |' for row in (head, ['---'] * len(head), *rest))


def _write_trainings(path: Path, trainings: Sequence[Training]) -> None:
    names = list(dict.fromkeys(name for training in trainings for name in training.metrics))
    head = ('run', 'baseline', 'seed', 'config', 'iterations', 'images', 'step_seconds', 'device', *names)
    write_csv(path, [head, *((each.name, each.baseline, each.seed, each.config, each.iterations, each.images, each.step_seconds,
                              each.device, *(each.metrics.get(name) for name in names)) for each in trainings)])


def _draw(out: Path, runs: Sequence[GridRun], differences: dict[str, list[PairedDifference]],
          metrics: Sequence[str]) -> Path:
    """Draw each run's difference from its baseline with its interval, one panel per metric."""
    shown = {f'{run.name} minus {run.baseline}': differences[run.name] for run in runs if differences[run.name]}
    rows = -(-len(metrics) // 4)
    figure = new_figure(9, rows * (1.2 + 0.32 * len(shown)))
    panels = figure.subplots(rows, min(4, len(metrics)), sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(metrics):]:
        axes.set_visible(False)
    places = np.arange(len(shown))
    for column, (axes, metric) in enumerate(zip(panels.flat, metrics, strict=False)):
        found = [run_metrics[column] for run_metrics in shown.values()]
        means = np.array([each.mean for each in found])
        axes.axvline(0, color='black', linewidth=0.8)
        axes.hlines(places, [each.low for each in found], [each.high for each in found], color=RUN_COLORS[0], linewidth=2)
        axes.plot(means, places, 'o', color=RUN_COLORS[1], markersize=5)
        axes.set_title(metric, fontsize=10, parse_math=False)
        axes.tick_params(labelbottom=True, labelsize=8)
        axes.grid(axis='x', alpha=0.25)
        axes.locator_params(axis='x', nbins=3)
    panels[0, 0].set_yticks(places, list(shown), parse_math=False)
    panels[0, 0].invert_yaxis()
    figure.supxlabel('difference from the baseline, with the 95 % interval of its mean over seeds', fontsize=10)
    return save_figure(figure, out)
