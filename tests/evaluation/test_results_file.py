"""Results files are read unchanged, and their faults are named."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from imbdet.annotations import load_annotations
from imbdet.evaluation.results_file import ResultsError, load_results, to_detections

from .random_case import make_case
from .references import results_file


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def read(path, case, kind='bbox'):
    return to_detections(path, load_results(path), load_annotations(case.path), kind)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_columns_are_what_the_file_holds(case, tmp_path, kind):
    path = results_file(case, kind, tmp_path)
    assert read(path, case, kind).coco_results() == json.loads(Path(path).read_text())


def test_boxes_and_masks_in_one_file(case, tmp_path):
    masks = json.loads(Path(results_file(case, 'segm', tmp_path)).read_text())
    both = [{**mask, 'bbox': found['bbox']} for mask, found in zip(masks, case.detections, strict=True)]
    path = tmp_path / 'both.json'
    path.write_text(json.dumps(both))
    assert read(path, case).masks is None
    assert read(path, case, 'segm').boxes is None
    assert read(path, case, 'segm').masks == [mask['segmentation'] for mask in masks]


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_no_detections(case, tmp_path, kind):
    path = tmp_path / 'empty.json'
    path.write_text('[]')
    assert load_results(path) == []
    assert read(path, case, kind).coco_results() == []


def test_text_as_image_ids(annotation_file, tmp_path):
    truth = annotation_file([{'image_id': 'a'}], num_images=1, image_keys={'id': 'a'})
    path = tmp_path / 'found.json'
    path.write_text(json.dumps([{'image_id': 'a', 'category_id': 1, 'score': 1, 'bbox': [0, 0, 1, 1]}]))
    found = to_detections(path, load_results(path), load_annotations(truth), 'bbox')
    assert found.image_ids.tolist() == ['a']
    assert found.scores.dtype == found.boxes.dtype == np.float64


GOOD = {'image_id': 101, 'category_id': 31, 'score': 0.5, 'bbox': [1, 2, 3, 4]}


@pytest.mark.parametrize(('content', 'message'), [
    ('{"annotations": []}', r'Expected `array`, got `object`; a COCO results file is a list'),
    ('[{"image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1]}]', r'missing required field `score` - at `\$\[0\]`'),
    ('[{"image_id": 1, "category_id": 2, "score": 1, "bbox": [0, 0, 1]}]', r'of length 4 - at `\$\[0\]\.bbox`'),
    ('[{"image_id": 1, "category_id": "x", "score": 1}]', r'Expected `int`, got `str` - at `\$\[0\]\.category_id`'),
    ('[{"image_id": 1, ', 'a COCO results file is a list'),
    ('[{"image_id": 1, "category_id": 2, "score": 1, "segmentation": {"size": [9], "counts": "PP"}}]',
     r'length >= 2 - at `\$\[0\]\.segmentation\.size`'),
    ('[{"image_id": 1, "category_id": 2, "score": 1, "segmentation": [[0, 0, 1, 1, 0, 1]]}]',
     r'Expected `object \| null`, got `array` - at `\$\[0\]\.segmentation`'),
    ('[NaN]', 'a COCO results file is a list'),
])
def test_files_that_are_no_results(tmp_path, content, message):
    (tmp_path / 'found.json').write_text(content)
    with pytest.raises(ResultsError, match=rf'^\S+found\.json: .*{message}'):
        load_results(tmp_path / 'found.json')


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'results file not found: \S+none\.json'):
        load_results(tmp_path / 'none.json')


@pytest.mark.parametrize(('fault', 'kind', 'message'), [
    ({'image_id': 7}, 'bbox', 'are in images that are not in the annotation file.*image_id 7,'),
    ({'category_id': 8}, 'bbox', 'have a category that is not in the annotation file.*category_id 8,'),
    ({'score': float('nan')}, 'bbox', r'have a score outside \[0, 1\].*image_id 101, category_id 31, score nan'),
    ({'score': 1.5}, 'bbox', r'have a score outside \[0, 1\].*score 1\.5'),
    ({'bbox': [1, 2, float('inf'), 4]}, 'bbox', 'have a box that is not finite or has a negative width'),
    ({'bbox': [1, 2, 3, -4]}, 'bbox', 'have a box that is not finite or has a negative width'),
    ({'bbox': None}, 'bbox', "have no 'bbox', which 'bbox' needs"),
    ({}, 'segm', "have no 'segmentation', which 'segm' needs"),
])
def test_faults_are_named(case, tmp_path, fault, kind, message):
    path = tmp_path / 'found.json'
    first = {**GOOD, 'segmentation': {'size': [200, 200], 'counts': 'PPYo0'}}
    path.write_text(json.dumps([first, {**GOOD, **fault}]))
    with pytest.raises(ResultsError, match=r'found\.json: 1 of 2 detections ') as error:
        read(path, case, kind)
    assert re.search(f'{message}.*', str(error.value))
    assert '(the first is number 2: ' in str(error.value)


def test_files_that_were_joined(case, tmp_path):
    """Each detection twice would halve the precision."""
    path = tmp_path / 'joined.json'
    path.write_text(json.dumps([*case.detections, *case.detections]))
    with pytest.raises(ResultsError, match=r'joined\.json: each detection is listed 2 times or more'):
        to_detections(path, load_results(path), load_annotations(case.path), 'bbox')
