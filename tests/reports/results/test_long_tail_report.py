"""The long-tail report's numbers against lvis-api, pycocotools and numpy, and the files it writes."""

import csv
import json
import re

import numpy as np
import pytest

from imbdet.annotations import AnnotationError
from imbdet.evaluation.calibration import reliability
from imbdet.evaluation.tide_errors import ERROR_TYPES, ap50_without_errors, find_errors
from imbdet.reports import write_long_tail_report
from imbdet.reports.results.long_tail_numbers import SCOPES, ResultsEvaluator, Run, mean_over_seeds

from ...evaluation.matches_of import matches_of
from ...evaluation.random_case import make_case
from ...evaluation.references import coco_reference, lvis_reference, reference_precision, results_file

PICTURES = ('summary', 'class_ap', 'difference_1', 'errors', 'confusion', 'calibration')


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def seeds(case, folder, number):
    """Results files of several seeds: the case's detections with other scores."""
    paths = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        found = [{**one, 'score': float(rng.random())} for one in case.detections]
        paths.append(folder / f'seed_{seed}.json')
        paths[-1].write_text(json.dumps(found))
    return paths


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
@pytest.mark.parametrize('style', ['lvis', 'coco'])
def test_ap_is_that_of_the_evaluation_libraries(tmp_path, style, kind):
    case = make_case(tmp_path, 3, num_images=10, detections_per_image=400 if style == 'lvis' else 1000)  # more than count
    found = ResultsEvaluator(case.path, style=style, kind=kind).evaluate(results_file(case, kind, tmp_path))
    reference = lvis_reference if style == 'lvis' else coco_reference
    for name, expected in reference(case, kind, tmp_path).items():
        assert found.summary[name] == pytest.approx(expected, abs=1e-6)
    by_class = reference_precision(case, kind, style, tmp_path)[..., 0].mean((0, 1))
    np.testing.assert_allclose(found.class_ap, np.where(by_class > -1, by_class, np.nan), atol=1e-6)
    assert np.isnan(found.class_ap).any()
    assert 0 < found.summary['AP'] < 1


def test_errors_and_calibration_by_group(case, tmp_path):
    evaluator = ResultsEvaluator(case.path)
    found = evaluator.evaluate(results_file(case, 'bbox', tmp_path))
    matches = matches_of(case, 'lvis', tmp_path)
    errors = find_errors(matches)
    ap50 = ap50_without_errors(matches, errors, 9)
    frequencies = {category['id']: category['frequency'] for category in case.truth['categories']}
    groups = [frequencies[category_id] for category_id in sorted(frequencies)]
    assert evaluator.classes.groups.tolist() == groups
    for row, scope in enumerate(SCOPES):
        members = [label for label in range(9) if scope in ('all', groups[label])]
        objects = [index for index, label in enumerate(matches.object_classes) if label in members]
        detections = [index for index, label in enumerate(matches.classes) if label in members]
        assert found.num_objects[row] == len(objects) > 0
        for column, kind in enumerate(ERROR_TYPES):
            number = sum(errors.missed[index] for index in objects) if kind == 'missed' else sum(
                errors.types[index] == column for index in detections)
            assert found.error_counts[row, column] == number
            before, after = ([values[label] for label in members if values[label] > -1] for values in
                             (ap50['none'], ap50[kind]))
            assert found.ap50_gains[row, column] == pytest.approx(np.mean(after) - np.mean(before))
        expected = reliability(matches.scores[detections], matches.objects[detections] >= 0)
        assert found.reliability[row].error == expected.error
    assert found.error_counts[0].tolist() == found.error_counts[1:].sum(0).tolist()


def test_mean_and_deviation_by_hand():
    mean, deviation = mean_over_seeds([0.1, 0.2, 0.6])
    assert mean == pytest.approx(0.3)
    assert deviation == pytest.approx(((0.2**2 + 0.1**2 + 0.3**2) / 2)**0.5)
    mean, deviation = mean_over_seeds([np.array([0.5, np.nan])])
    assert mean[0] == 0.5
    assert np.isnan([mean[1], *deviation]).all()


def rows(path):
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture
def report(case, tmp_path):
    """A report of a run of one seed and of a run of three, and their numbers."""
    evaluator = ResultsEvaluator(case.path)
    runs = [Run('base & line', [evaluator.evaluate(results_file(case, 'bbox', tmp_path))]),
            Run('other', [evaluator.evaluate(path) for path in seeds(case, tmp_path, 3)])]
    page = write_long_tail_report(tmp_path / 'report', evaluator, runs)
    return page, runs


def test_tables_have_seeds_means_and_deviations(case, report):
    page, (base, other) = report
    summary = rows(page.with_name('summary.csv'))
    assert [row['file'].rpartition('/')[2] for row in summary] == ['bbox.json', 'seed_0.json', 'seed_1.json', 'seed_2.json',
                                                                   'mean', 'standard deviation']
    for name in ('AP', 'AP50', 'APr', 'APc', 'APf', 'APs'):
        values = [file.summary[name] for file in other.files]
        assert [float(row[name]) for row in summary] == pytest.approx(
            [base.files[0].summary[name], *values, np.mean(values), np.std(values, ddof=1)])
    errors = [file.reliability[1].error for file in other.files]
    assert float(summary[-1]['D-ECE r']) == pytest.approx(np.std(errors, ddof=1))
    table = rows(page.with_name('class_table.csv'))
    for index, category_id in enumerate(sorted(case.category_ids)):
        row = table[index]
        assert (row['category_id'], row['frequency']) == (str(category_id), base_frequency(case, category_id))
        if np.isnan(base.files[0].class_ap[index]):
            assert row['base & line AP'] == row['other AP'] == row['other seed 1'] == ''
            continue
        values = [float(row[f'other seed {seed}']) for seed in (1, 2, 3)]
        assert values == [file.class_ap[index] for file in other.files]
        assert float(row['other AP']) == pytest.approx(np.mean(values))
        assert float(row['other standard deviation']) == pytest.approx(np.std(values, ddof=1))


def base_frequency(case, category_id):
    return next(category['frequency'] for category in case.truth['categories'] if category['id'] == category_id)


def test_tables_of_errors_and_calibration(report):
    page, runs = report
    table = rows(page.with_name('errors.csv'))
    assert len(table) == 4 * 4 * 6
    wanted = [row for row in table if row['file'].endswith('seed_1.json') and row['classes'] == 'c']
    numbers = runs[1].files[1]
    assert [int(row['errors']) for row in wanted] == numbers.error_counts[2].tolist()
    assert [float(row['AP50 gained']) for row in wanted] == numbers.ap50_gains[2].tolist()
    table = rows(page.with_name('calibration.csv'))
    assert len(table) == 4 * 4 * 10
    bins = [row for row in table if row['file'].endswith('seed_2.json') and row['classes'] == 'f']
    assert [int(row['detections']) for row in bins] == runs[1].files[2].reliability[3].counts.tolist()
    assert {float(row['D-ECE of the classes']) for row in bins} == {runs[1].files[2].reliability[3].error}


def test_the_page_is_one_file_with_its_pictures(report):
    page, (base, other) = report
    text = page.read_text()
    assert {path.stem for path in page.parent.glob('*.png')} == set(PICTURES)
    assert text.count('src="data:image/png;base64,') == len(PICTURES)
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert 'base &amp; line' in text
    means = np.mean([file.summary['APr'] for file in other.files])
    assert f'{means:.4f}\N{NO-BREAK SPACE}±' in text
    assert f'<td>{means - base.files[0].summary["APr"]:+.4f}</td>' in text
    assert '9 classes: 2 rare, 2 common, 5 frequent' in text
    assert 'standard deviation' in text


def test_confusion_pools_the_seeds(report):
    page, runs = report
    counts = np.sum([file.confusion for file in runs[1].files], axis=0)
    assert counts[:3].sum() == len(runs[1].files) * runs[1].files[0].num_objects[0]
    rare = ''.join(f'<td>{share:.1%}</td>' for share in counts[0] / counts[0].sum())
    assert f'<td>rare</td>{rare}<td>{counts[0].sum() / len(runs[1].files):.0f}</td>' in page.read_text()
    background = ''.join(f'<td>{share:.1%}</td>' for share in counts[3, 1:4] / counts[3].sum())
    assert f'<td>background</td><td></td>{background}<td></td>' in page.read_text()


def test_one_run_that_found_nothing(case, tmp_path):
    case.detections = []
    evaluator = ResultsEvaluator(case.path)
    run = Run('nothing', [evaluator.evaluate(results_file(case, 'bbox', tmp_path))])
    assert {run.files[0].summary[name] for name in ('AP', 'APr', 'APc', 'APf')} == {0}
    assert run.files[0].error_counts[0].tolist() == [0] * 5 + [len(case.truth['annotations'])]
    assert np.isnan(run.files[0].ap50_gains[:, -1]).all()  # nothing is left when the missed objects are left out
    page = write_long_tail_report(tmp_path / 'report', evaluator, [run])
    assert 'One seed each' in page.read_text()
    assert not page.with_name('difference_1.png').exists()


def test_style_is_told_by_the_annotations(case, annotation_file):
    assert ResultsEvaluator(case.path).style == 'lvis'
    assert ResultsEvaluator(case.path, style='coco').style == 'coco'
    for image in case.truth['images']:
        del image['neg_category_ids']
    case.path.write_text(json.dumps(case.truth))
    assert ResultsEvaluator(case.path).style == 'coco'
    with pytest.raises(AnnotationError, match=r"truth\.json: 30 images have no 'neg_category_ids'.*id 101.*style='coco'"):
        ResultsEvaluator(case.path, style='lvis')


def test_groups_from_the_training_annotations(case, annotation_file):
    for category in case.truth['categories']:
        del category['frequency']
    case.path.write_text(json.dumps(case.truth))
    with pytest.raises(AnnotationError, match=r"truth\.json does not specify .* of 9 of the classes.*'class_0'.*--train-ann"):
        ResultsEvaluator(case.path)
    boxes = [(image, label) for label in range(1, 10) for image in range(1, 14 if label < 9 else 3)]
    training = annotation_file(boxes, num_images=13, categories=case.classes)
    classes = ResultsEvaluator(case.path, training).classes
    assert classes.names == list(reversed(case.classes))  # ids descend in the file
    assert classes.groups.tolist() == ['r'] + ['c'] * 8
    assert classes.train_images.tolist() == [2] + [13] * 8
    with pytest.raises(AnnotationError, match=r"train\.json does not specify .* of 1 of the classes .*\(first: 'class_8'\)"):
        ResultsEvaluator(case.path, annotation_file(boxes[:-2], num_images=13, categories=case.classes[:8]))


def test_nothing_to_evaluate_against(annotation_file):
    with pytest.raises(AnnotationError, match='has no annotations'):
        ResultsEvaluator(annotation_file())


def test_too_many_runs(case, tmp_path):
    with pytest.raises(ValueError, match='9 runs are too many.*at most 8'):
        write_long_tail_report(tmp_path, ResultsEvaluator(case.path), [Run(str(index), []) for index in range(9)])
