"""Grid report in HTML, Markdown and CSV: accuracy over seeds, differences from the baseline, cost."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.files import atomic_write, write_csv
from imbdet.reports.drawing.class_curve import draw_class_curves
from imbdet.reports.drawing.figures import save_figure
from imbdet.reports.drawing.html_page import Section, write_page
from imbdet.reports.grid.difference_figure import draw_differences
from imbdet.reports.grid.gain_map import gain_map_figure, rare_and_frequent
from imbdet.reports.grid.grid_results import Training
from imbdet.reports.grid.grid_runs import GridRun, class_aps, group_runs, run_differences
from imbdet.reports.grid.paired_difference import PairedDifference
from imbdet.reports.grid.shown_metrics import SHOWN, shown_metrics
from imbdet.reports.results.long_tail_numbers import mean_over_seeds

EN_DASH = '\N{EN DASH}'  # for what is not known
SEEDS_TEXT = 'Mean and standard deviation (of the sample) over the seeds. Only compare runs with the same number of iterations.'
DIFFERENCE_TEXT = (
    "Difference of a run and its baseline, seed by seed: the mean, and its 95 % interval by Student's t over the seeds. If the "
    'interval contains 0, the two are not statistically distinguishable. The interval also holds for few seeds, where it is '
    'wide: 9 standard deviations to each side with two, 2.5 with three, 1.2 with five. It assumes that the differences are '
    'about normally distributed. Differences that are all equal have an interval of width 0. Of 20 intervals, one misses the '
    'true difference on average. The picture cuts off very wide intervals.')
MAP_TEXT = (
    'Above the horizontal line, a run gains in rare classes; right of the vertical line, it gains in frequent ones. Points are '
    'the mean differences of the table, lines their 95 % intervals, which are cut off if they are very wide.')
COST_TEXT = (
    'Images and boxes seen include repeats; crowd and ignored boxes do not count. The time per iteration is a median over the '
    'trainings and depends on what else ran on the machine; benchmarks/overhead.py compares times fairly.')


def write_grid_report(folder: str | Path, trainings: Sequence[Training], metrics: Sequence[str] | None = None) -> Path:
    """Write ``index.html``, ``table.md``, ``trainings.csv`` and pictures.

    Args:
        folder: Folder to write to.
        trainings: Trainings of a grid, at least one.
        metrics: Metrics to show; None: those of :func:`shown_metrics`. The CSV contains all.

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
    differences = {run.name: found for run in runs if (found := run_differences(run, runs, metrics))}
    tables = _accuracy_table(runs, metrics), _difference_table(runs, metrics, differences), _cost_table(runs)
    _write_trainings(folder / 'trainings.csv', trainings)
    with atomic_write(folder / 'table.md') as path:
        path.write_text('\n\n'.join(map(_markdown, filter(lambda table: len(table) > 1, tables))) + '\n', encoding='utf-8')
    sections = [Section('Accuracy', SEEDS_TEXT, None, tables[0]),
                *(_difference_sections(folder, runs, metrics, differences, tables[1]) if differences else []),
                *_class_sections(folder, runs, metrics[0]),
                Section('Cost', COST_TEXT, None, tables[2])]
    lead = (f'{len(trainings)} trainings of {len(runs)} runs, on {", ".join(sorted({each.device for each in trainings}))}. All '
            'numbers of every training, not rounded, are in trainings.csv next to this page.')
    return write_page(folder / 'index.html', 'Grid of trainings', lead, sections)


def _difference_sections(folder: Path, runs: Sequence[GridRun], metrics: Sequence[str],
                         differences: dict[str, list[PairedDifference]], table: list[list[str]]) -> list[Section]:
    """Draw the differences, and rare against frequent classes if both are among the metrics."""
    titles = {_title(run): differences[run.name] for run in runs if run.name in differences}
    picture = draw_differences(folder / 'differences.png', titles, metrics)
    sections = [Section('Differences from the baseline', DIFFERENCE_TEXT, picture, table)]
    if pair := rare_and_frequent(metrics):
        both = {name: (found[pair[0]], found[pair[1]]) for name, found in differences.items()}
        defined = {name: found for name, found in both.items() if not np.isnan([each.mean for each in found]).any()}
        if defined:
            figure = gain_map_figure(defined, (metrics[pair[0]], metrics[pair[1]]))
            sections.append(Section('Rare against frequent classes', MAP_TEXT, save_figure(figure, folder / 'gain_map.png')))
    return sections


def _title(run: GridRun) -> str:
    return f'{run.name} minus {run.baseline}'


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


def _number(value: float, form: str = '.3f') -> str:
    return EN_DASH if np.isnan(value) else format(value, form)


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
        if run.name in differences:
            found = differences[run.name]
            rows.append([_title(run), str(max(each.pairs for each in found)), *map(_difference, found)])
    return rows


def _difference(found: PairedDifference) -> str:
    interval = '' if np.isnan(found.low) else f' ({found.low:+.3f} to {found.high:+.3f})'
    return _number(found.mean, '+.3f') + interval


def _cost_table(runs: Sequence[GridRun]) -> list[list[str]]:
    counted = any(training.boxes is not None for run in runs for training in run.trainings.values())
    rows = [['run', 'iterations', 'images seen', *(['boxes seen'] if counted else []), 'median iteration in ms']]
    for run in runs:
        trainings = run.trainings.values()
        boxes = [_range([each.boxes for each in trainings])] if counted else []
        rows.append([run.name, _range([each.iterations for each in trainings]), _range([each.images for each in trainings]),
                     *boxes, f'{1000 * np.median([each.step_seconds for each in trainings]):.0f}'])
    return rows


def _range(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return EN_DASH
    return f'{min(known):,}' if min(known) == max(known) else f'{min(known):,} to {max(known):,}'


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return '\n'.join(f'| {" | ".join(row)} |' for row in (head, ['---'] * len(head), *rest))


def _write_trainings(path: Path, trainings: Sequence[Training]) -> None:
    names = list(dict.fromkeys(name for training in trainings for name in training.metrics))
    head = ('run', 'baseline', 'seed', 'config', 'iterations', 'images', 'boxes', 'step_seconds', 'device', *names)
    write_csv(path, [head, *((each.name, each.baseline, each.seed, each.config, each.iterations, each.images, each.boxes,
                              each.step_seconds, each.device, *(each.metrics.get(name) for name in names))
                             for each in trainings)])
