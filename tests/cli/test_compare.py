"""The command from files to the page, and what it says of wrong files."""

import csv
import json
import re

import pytest

from imbdet.cli import compare, main

from ..evaluation.random_case import make_case
from ..evaluation.references import coco_reference, lvis_reference, results_file


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


@pytest.fixture
def report(case, monkeypatch, tmp_path):
    """A function that runs the command on results files and returns the rows of the summary."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        main(['compare', *map(str, arguments), '--ann', str(case.path)])
        with (tmp_path / 'work_dirs/long_tail_report/summary.csv').open(newline='') as file:
            return {(row['run'], row['file'].rpartition('/')[2]): row for row in csv.DictReader(file)}

    return run


def test_two_runs_of_seeds(report, case, tmp_path, capsys):
    expected = lvis_reference(case, 'bbox', tmp_path)
    files = []
    for number in range(2):
        files.append(tmp_path / f'{number}.json')
        files[-1].write_text(json.dumps(case.detections[number::2]))
    rows = report(f'all={results_file(case, "bbox", tmp_path)}', f'halves={files[0]}', f'halves={files[1]}')
    assert list(rows) == [('all', 'bbox.json'), ('halves', '0.json'), ('halves', '1.json'), ('halves', 'mean'),
                          ('halves', 'standard deviation')]
    assert float(rows['all', 'bbox.json']['APr']) == pytest.approx(expected['APr'], abs=1e-6)
    assert capsys.readouterr().out.startswith('wrote work_dirs/long_tail_report/index.html')
    page = (tmp_path / 'work_dirs/long_tail_report/index.html').read_text()
    assert 'halves compared with all' in page


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_flags(report, case, tmp_path, kind):
    rows = report(results_file(case, kind, tmp_path), '--style', 'coco', '--metric', kind)
    assert list(rows) == [(tmp_path.name, f'{kind}.json')]  # called after the folder
    expected = coco_reference(case, kind, tmp_path)
    assert float(rows[tmp_path.name, f'{kind}.json']['AP']) == pytest.approx(expected['AP'], abs=1e-6)


def test_names_of_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    paths = {}
    for name in ('a/one.json', 'a/two.json', 'lr=0.1/three.json'):
        paths[name] = tmp_path / name
        paths[name].parent.mkdir(exist_ok=True)
        paths[name].touch()
    assert {name: [file.name for file in files] for name, files in compare.named_files(
        ['a/one.json', 'b=a/two.json', 'lr=0.1/three.json']).items()} == {
            'a': ['one.json'], 'b': ['two.json'], 'lr=0.1': ['three.json']}
    for arguments, message in ((['a/one.json', 'a/two.json'], "the run 'a', after the name of the folder, exists already"),
                               (['a/one.json', 'a=a/two.json'], "the run 'a' exists already, named after the folder"),
                               (['x=a/one.json', f'y={tmp_path}/a/one.json'], 'is given twice'),
                               (['=a/one.json'], 'the name before the equals sign must not be empty')):
        with pytest.raises(ValueError, match=message):
            compare.named_files(arguments)
    with pytest.raises(FileNotFoundError, match=r'not found: a/none\.json'):
        compare.named_files(['x=a/none.json'])


@pytest.mark.parametrize(('fault', 'arguments', 'message'), [
    ({'image_id': 5}, [], r'ResultsError: \S+/bad.json: 1 of 540 detections are in images that are not in the annotation file'),
    ({'category_id': 5}, [], 'have a category that is not in the annotation file'),
    ({'score': float('nan')}, [], r'have a score outside \[0, 1\]'),
    ({}, ['--metric', 'segm'], "540 of 540 detections have no 'segmentation'"),
    ({}, ['--train-ann', 'none.json'], r'annotation file not found: none\.json'),
])
def test_errors_end_in_one_line(report, case, tmp_path, capsys, fault, arguments, message):
    case.detections = case.detections[:540]
    case.detections[7] = {**case.detections[7], **fault}
    (tmp_path / 'bad.json').write_text(json.dumps(case.detections))
    with pytest.raises(SystemExit, match='1'):
        report(tmp_path / 'bad.json', *arguments)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.search(message, lines[0])
    assert not (tmp_path / 'work_dirs').exists()


def test_results_of_a_part_of_the_images(report, case, tmp_path, capsys):  # fault 28
    """A results file lists detections, and no image in which nothing was found: it is said, not guessed."""
    part = tmp_path / 'part.json'
    part.write_text(json.dumps([detection for detection in case.detections if detection['image_id'] < 110]))
    report(f'all={results_file(case, "bbox", tmp_path)}', f'part={part}')
    said = capsys.readouterr().err
    assert f'{part} has detections in 9 of the 30 images of {case.path}' in said
    assert said.count('imbdet: warning: ') == 1
    page = (tmp_path / 'work_dirs/long_tail_report/index.html').read_text()
    assert f'<td>part</td><td>9</td><td>{part}</td>' in page
