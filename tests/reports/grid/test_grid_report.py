"""Results of a grid: merged, and every number of the report against the trainings it is of."""

import csv
import json

import numpy as np
import pytest

from imbdet.reports.grid.grid_report import class_aps, group_runs, write_grid_report
from imbdet.reports.grid.grid_results import ClassAP, GridResultsError, Training, merge_results, read_results, write_results

AP = 'lvis/bbox_AP'
RARE = 'lvis/bbox_APr'
FREQUENT = 'lvis/bbox_APf'
CLASSES = ((1, 'r'), (2, 'r'), (20, 'c'), (50, 'c'), (60, 'c'), (150, 'f'), (200, 'f'), (300, 'f'))


def training(name='irfs', seed=0, ap=0.3, **keys):
    return Training(**{**dict(
        name=name, baseline='baseline', seed=seed, config=f'configs/{name}.py', fingerprint=f'of {name}',
        classes=[ClassAP(f'c{count}', group, count, ap / 2 if count == 1 else ap) for count, group in CLASSES],
        metrics={AP: ap, RARE: ap / 2, 'lvis/bbox_AP50': ap * 1.5}, iterations=400, images=3200, step_seconds=0.125,
        device='2 CPU cores', versions={'imbdet': '0'}), **keys})


GRID = [training('baseline', 0, 0.30), training('baseline', 1, 0.34), training('baseline', 2, 0.32),
        training('irfs', 0, 0.33), training('irfs', 1, 0.35), training('irfs', 2, 0.36, step_seconds=0.25)]


def test_files_are_read_as_they_were_written(tmp_path):
    write_results(tmp_path / 'a.json', GRID)
    assert read_results(tmp_path / 'a.json') == GRID


@pytest.mark.parametrize('content', ['no json', '{}', '[{"name": "irfs"}]', '[{"name": 3}]'])
def test_files_that_hold_something_else(tmp_path, content):
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(GridResultsError, match=r'a\.json is not a results file'):
        read_results(tmp_path / 'a.json')


def test_boxes_are_written_only_if_they_were_counted(tmp_path):
    write_results(tmp_path / 'a.json', [training(), training(seed=1, boxes=70)])
    assert ['boxes' in each for each in json.loads((tmp_path / 'a.json').read_text())] == [False, True]
    assert [each.boxes for each in read_results(tmp_path / 'a.json')] == [None, 70]


@pytest.mark.parametrize(('keys', 'message'), [({'boxes': 'many'}, 'boxes'), ({'objects': 3}, 'objects')])
def test_keys_that_a_training_does_not_have(tmp_path, keys, message):
    write_results(tmp_path / 'a.json', GRID[:1])
    content, = json.loads((tmp_path / 'a.json').read_text())
    (tmp_path / 'a.json').write_text(json.dumps([{**content, **keys}]))
    with pytest.raises(GridResultsError, match=message):
        read_results(tmp_path / 'a.json')


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        read_results(tmp_path / 'none.json')


def test_merging():
    parts = [GRID[4:], GRID[:2], GRID[2:5]]
    assert merge_results(parts) == [*GRID[3:], *GRID[:3]]


def test_one_training_with_two_results():
    with pytest.raises(GridResultsError, match='irfs, seed 0 appears twice with different results'):
        merge_results([GRID, [training('irfs', 0, 0.99)]])


@pytest.mark.parametrize('keys', [dict(fingerprint='another'), dict(baseline='another')])
def test_one_run_of_two_configs(keys):
    with pytest.raises(GridResultsError, match=r'irfs: the trainings of seeds 0 and 7 had different configs'):
        merge_results([GRID, [training('irfs', 7, **keys)]])


def test_the_report(tmp_path):
    page = write_grid_report(tmp_path, GRID)
    markdown = (tmp_path / 'table.md').read_text()
    assert f'| irfs | 3 | 400 | {np.mean([0.33, 0.35, 0.36]):.3f} ± {np.std([0.33, 0.35, 0.36], ddof=1):.3f} |' in markdown
    assert f'| irfs minus baseline | 3 | {np.mean([0.03, 0.01, 0.04]):+.3f} (-0.011 to +0.065) |' in markdown
    assert 'baseline minus' not in markdown
    assert '| irfs | 400 | 3,200 | 125 |' in markdown
    assert 'boxes' not in markdown
    assert '| run | seeds | iterations | lvis/bbox_AP | lvis/bbox_APr |\n| --- | --- | --- | --- | --- |' in markdown
    text = page.read_text()
    for cell in (f'{np.mean([0.165, 0.175, 0.18]):.3f} ± {np.std([0.165, 0.175, 0.18], ddof=1):.3f}', '2 CPU cores',
                 'data:image/png'):
        assert cell in text
    with (tmp_path / 'trainings.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [float(row['lvis/bbox_AP50']) for row in rows] == [each.metrics['lvis/bbox_AP50'] for each in GRID]
    assert [(row['run'], row['seed'], row['step_seconds']) for row in rows][-1] == ('irfs', '2', '0.25')


def test_boxes_in_the_cost(tmp_path):
    counted = [training('baseline', 0, boxes=9000), training('baseline', 1, boxes=8000), training('irfs', 0, boxes=9500),
               training('irfs', 1)]
    write_grid_report(tmp_path, counted)
    markdown = (tmp_path / 'table.md').read_text()
    assert '| run | iterations | images seen | boxes seen | median iteration in ms |' in markdown
    assert '| baseline | 400 | 3,200 | 8,000 to 9,000 | 125 |' in markdown
    assert '| irfs | 400 | 3,200 | \N{EN DASH} | 125 |' in markdown
    with (tmp_path / 'trainings.csv').open(newline='') as file:
        assert [row['boxes'] for row in csv.DictReader(file)] == ['9000', '8000', '9500', '']


@pytest.mark.parametrize('frequent', [None, -1.0])
def test_map_of_runs_only_with_rare_and_frequent_classes(tmp_path, frequent):
    """-1 is an AP without ground truth."""
    without = {AP: 0.3, RARE: 0.1, **({} if frequent is None else {FREQUENT: frequent})}
    for name, metrics, shown, expected in (('undefined', without, None, False), ('all', {**without, FREQUENT: 0.4}, None, True),
                                           ('not shown', {**without, FREQUENT: 0.4}, [AP], False)):
        grid = [training(name, 0, metrics=metrics, classes=[]) for name in ('baseline', 'irfs')]
        page = write_grid_report(tmp_path / name, grid, shown).read_text()
        assert ('Rare against frequent' in page, (tmp_path / name / 'gain_map.png').is_file()) == (expected, expected)


def test_an_ap_without_ground_truth_is_undefined(tmp_path):
    write_grid_report(tmp_path, [training(name, seed, metrics={AP: 0.3, RARE: -1.0}, classes=[])
                                 for name in ('baseline', 'irfs') for seed in range(2)])
    markdown = (tmp_path / 'table.md').read_text()
    assert '| irfs | 2 | 400 | 0.300 ± 0.000 | \N{EN DASH} |' in markdown
    assert '| irfs minus baseline | 2 | +0.000 (+0.000 to +0.000) | \N{EN DASH} |' in markdown


def test_one_run_alone_and_a_baseline_that_is_not_there(tmp_path):
    for trainings in (GRID[:1], GRID[3:]):
        page = write_grid_report(tmp_path, trainings)
        assert 'Differences' not in page.read_text()
        assert 'minus' not in (tmp_path / 'table.md').read_text()


def test_a_metric_that_one_run_lacks(tmp_path):
    found = [*GRID[:3], training('pairs', 0, metrics={'mean/bbox_AP': 0.5})]
    write_grid_report(tmp_path, found)
    assert '| pairs | 1 | 400 | \N{EN DASH} | \N{EN DASH} | 0.500 |' in (tmp_path / 'table.md').read_text()


def test_metrics_that_are_asked_for(tmp_path):
    write_grid_report(tmp_path, GRID, ['lvis/bbox_AP50'])
    assert '| run | seeds | iterations | lvis/bbox_AP50 |' in (tmp_path / 'table.md').read_text()
    with pytest.raises(ValueError, match=r'no training has the metric lvis/AP; choose from lvis/bbox_AP, lvis/bbox_AP50'):
        write_grid_report(tmp_path, GRID, ['lvis/AP'])


def test_classes_are_means_over_seeds_of_the_baseline_and_the_best(tmp_path):
    worse = [training('rfs', seed, 0.2) for seed in range(3)]
    without = [training('pairs', seed, metrics={'mean/bbox_AP': 0.5}) for seed in range(3)]
    page = write_grid_report(tmp_path, [*GRID[:3], *without, *worse, *GRID[3:]]).read_text()
    assert 'AP of each class' in page
    assert f'irfs has the highest {AP}' in page
    run = group_runs(GRID)[1]
    expected = {'c1': np.mean([0.165, 0.175, 0.18]), 'c300': np.mean([0.33, 0.35, 0.36])}
    assert {name: class_aps(run)[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize('classes', [[], [ClassAP('another', 'r', 1, 0.5)]])
def test_no_picture_of_classes_that_not_all_runs_have(tmp_path, classes):
    page = write_grid_report(tmp_path, [*GRID[:3], training('irfs', 0, 0.3, classes=classes)]).read_text()
    assert 'AP of each class' not in page


def test_a_class_without_ground_truth(tmp_path):
    classes = [ClassAP('a', 'r', 3, None), ClassAP('b', 'c', 20, 0.3)]
    write_grid_report(tmp_path, [training('baseline', 0, 0.3, classes=classes)])
    assert (tmp_path / 'class_ap.png').is_file()


def test_no_usual_metric(tmp_path):
    with pytest.raises(ValueError, match='no metric ends with _AP, .*choose metrics from pascal_voc/AP50'):
        write_grid_report(tmp_path, [training('baseline', 0, metrics={'pascal_voc/AP50': 0.3})])


def test_nothing_to_report(tmp_path):
    with pytest.raises(ValueError, match='no training is finished'):
        write_grid_report(tmp_path, [])


def test_the_tool_merges(load_tool, tmp_path, monkeypatch, capsys):
    write_results(tmp_path / 'a.json', GRID[:4])
    write_results(tmp_path / 'b.json', GRID[4:])
    monkeypatch.setattr('sys.argv', ['grid_report.py', str(tmp_path / 'a.json'), str(tmp_path / 'b.json'), '--out',
                                     str(tmp_path / 'both')])
    load_tool('tools/analysis/grid_report.py').main()
    assert str(tmp_path / 'both/index.html') in capsys.readouterr().out
    assert len(json.loads((tmp_path / 'both/results.json').read_text())) == 6
    assert 'irfs minus baseline | 3 |' in (tmp_path / 'both/table.md').read_text()


def test_runs_that_are_asked_for(load_tool, tmp_path, monkeypatch, capsys):
    write_results(tmp_path / 'a.json', [*GRID, training('rfs')])
    tool = load_tool('tools/analysis/grid_report.py')
    arguments = ['grid_report.py', str(tmp_path / 'a.json'), '--out', str(tmp_path)]
    monkeypatch.setattr('sys.argv', [*arguments, '--runs', 'baseline', 'rfs'])
    tool.main()
    table = (tmp_path / 'table.md').read_text()
    assert 'rfs minus baseline | 1 |' in table
    assert 'irfs' not in table
    monkeypatch.setattr('sys.argv', [*arguments, '--runs', 'frs'])
    with pytest.raises(SystemExit):
        tool.main()
    assert 'no run is named frs; choose from baseline, irfs, rfs' in capsys.readouterr().err
