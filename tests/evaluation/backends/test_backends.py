"""Every evaluation backend against lvis-api and pycocotools run on files by their own means, number by number."""

import copy
import json

import numpy as np
import pytest

from imbdet.evaluation.backends import choose_backend
from imbdet.evaluation.detections import Detections, cap_detections
from imbdet.evaluation.ground_truth import GroundTruth

from ..random_case import make_case, rle
from ..references import reference_precision

served = pytest.mark.parametrize(('name', 'style'), [
    ('hotcoco', 'lvis'), ('hotcoco', 'coco'), ('faster_coco_eval', 'lvis'), ('faster_coco_eval', 'coco'), ('lvis', 'lvis'),
    ('pycocotools', 'coco')])


def columns(case, kind):
    found = case.detections
    category_ids = np.array([detection['category_id'] for detection in found], dtype=np.int64)
    image_ids = np.array([detection['image_id'] for detection in found])
    scores = np.array([detection['score'] for detection in found], dtype=np.float64)
    if kind == 'bbox':
        boxes = np.array([detection['bbox'] for detection in found], dtype=np.float64).reshape(-1, 4)
        return Detections(image_ids, category_ids, scores, boxes=boxes)
    return Detections(image_ids, category_ids, scores, masks=[rle(detection['bbox']) for detection in found])


def precision(case, kind, name, style):
    truth = GroundTruth(case.path, style)
    backend = choose_backend(style, (kind, ), name)(truth.content, style)
    counted = cap_detections(truth.with_image_numbers(columns(case, kind)), style)
    return backend.precision(counted, kind, sorted(case.category_ids))


def rewritten(case):
    case.path.write_text(json.dumps(case.truth))
    return case


def plain(case):
    return case


def tied_scores(case):
    for detection in case.detections:
        detection['score'] = round(detection['score'], 1)
    return case


def one_score(case):
    for detection in case.detections:
        detection['score'] = 0.5
    return case


def extreme_boxes(case):
    """Without area, far outside, of the whole image, and each detection twice."""
    for index, detection in enumerate(case.detections[::3]):
        x, y, width, height = detection['bbox']
        detection['bbox'] = [[x, y, 0.0, height], [x, y, width, 0.0], [5000.0, 5000.0, 10.0, 10.0],
                             [0.0, 0.0, 200.0, 200.0]][index % 4]
    case.detections += [dict(detection) for detection in case.detections[::2]]
    return case


def crowds(case):
    for box in case.truth['annotations'][::4]:
        box['iscrowd'] = 1
    return rewritten(case)


def objects_twice(case):
    """The same box annotated as two classes and twice as one."""
    boxes = case.truth['annotations']
    for box in boxes[:20]:
        boxes.append({**box, 'id': len(boxes) + 1})
        boxes.append({**box, 'id': len(boxes) + 1, 'category_id': case.category_ids[0]})
    return rewritten(case)


def images_apart(case):
    """Some images without detections, some without objects, and detections of classes that are not judged."""
    case.detections = [detection for detection in case.detections if detection['image_id'] % 3]
    kept = [box for box in case.truth['annotations'] if box['image_id'] % 4]
    case.truth['annotations'] = kept
    return rewritten(case)


def no_objects(case):
    case.truth['annotations'] = case.truth['annotations'][:1]
    return rewritten(case)


def objects_on_area_bounds(case):
    """Areas of exactly 32 x 32 and 96 x 96 pixels, which two ranges share, and areas unlike the boxes'."""
    for index, box in enumerate(case.truth['annotations']):
        box['area'] = (32.0 ** 2, 96.0 ** 2, 0.0, 1e6, box['area'])[index % 5]
    return rewritten(case)


CASES = [plain, tied_scores, one_score, extreme_boxes, crowds, objects_twice, images_apart, no_objects, objects_on_area_bounds]


@served
@pytest.mark.parametrize('change', CASES, ids=lambda change: change.__name__)
def test_boxes(tmp_path, name, style, change):
    case = change(make_case(tmp_path, 5, num_images=12))
    expected = reference_precision(case, 'bbox', style, tmp_path)
    assert expected.max() > 0
    assert np.abs(precision(case, 'bbox', name, style) - expected).max() < 1e-6


@served
@pytest.mark.parametrize('change', [plain, tied_scores, crowds, objects_twice, images_apart],
                         ids=lambda change: change.__name__)
def test_masks(tmp_path, name, style, change):
    case = change(make_case(tmp_path, 6, num_images=6, detections_per_image=30))
    expected = reference_precision(case, 'segm', style, tmp_path)
    assert expected.max() > 0
    assert np.abs(precision(case, 'segm', name, style) - expected).max() < 1e-6


@served
@pytest.mark.parametrize('seed', range(5))
def test_crowded_images(tmp_path, name, style, seed):
    """More than 300 detections an image and more than 100 of a class, with tied scores at the cut (fault 24)."""
    case = tied_scores(make_case(tmp_path, seed, num_images=3, num_classes=9, detections_per_image=1200))
    expected = reference_precision(case, 'bbox', style, tmp_path)
    assert np.abs(precision(case, 'bbox', name, style) - expected).max() < 1e-6


@served
@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_nothing_detected(tmp_path, name, style, kind):  # fault 24
    case = make_case(tmp_path, 7, num_images=4)
    case.detections = []
    found = precision(case, kind, name, style)
    assert found.shape == (10, 101, 9, 4)
    with_objects = np.isin(sorted(case.category_ids), [box['category_id'] for box in case.truth['annotations']])
    assert (found[:, :, with_objects, 0] == 0).all()
    assert (found[:, :, ~with_objects] == -1).all()


@served
@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_the_ground_truth_stays_as_it_is(tmp_path, name, style, kind):
    """Three of the libraries write into what they are given, which serves later evaluations and the reports."""
    case = crowds(make_case(tmp_path, 11, num_images=3, detections_per_image=20))
    truth = GroundTruth(case.path, style)
    before = copy.deepcopy(truth.content)
    backend = choose_backend(style, (kind, ), name)(truth.content, style)
    backend.precision(truth.with_image_numbers(columns(case, kind)), kind, sorted(case.category_ids))
    assert truth.content == before


@served
def test_annotations_numbered_from_zero(tmp_path, name, style):
    """The libraries take the id 0 for "not matched"; here such an object counts like others."""
    case = make_case(tmp_path, 8, num_images=1)
    expected = reference_precision(case, 'bbox', style, tmp_path)
    for number, box in enumerate(case.truth['annotations']):
        box['id'] = number
    rewritten(case)
    assert np.abs(precision(case, 'bbox', name, style) - expected).max() < 1e-6
    assert np.abs(reference_precision(case, 'bbox', style, tmp_path) - expected).max() > 0.01  # what the libraries do


@served
def test_image_ids_of_text(tmp_path, name, style):
    case = make_case(tmp_path, 9, num_images=5)
    expected = reference_precision(case, 'bbox', style, tmp_path)
    for item in (*case.truth['annotations'], *case.detections):
        item['image_id'] = f'image {item["image_id"]}'
    for image in case.truth['images']:
        image['id'] = f'image {image["id"]}'
    assert np.abs(precision(rewritten(case), 'bbox', name, style) - expected).max() < 1e-6


@pytest.mark.parametrize('name', ['hotcoco', 'faster_coco_eval', 'lvis'])
def test_categories_without_a_frequency(tmp_path, name):
    """Which lvis-api demands, although the precision does not depend on it."""
    case = make_case(tmp_path, 10, num_images=4)
    expected = reference_precision(case, 'bbox', 'lvis', tmp_path)
    for category in case.truth['categories']:
        del category['frequency'], category['image_count'], category['instance_count']
    assert np.abs(precision(rewritten(case), 'bbox', name, 'lvis') - expected).max() < 1e-6


@pytest.mark.parametrize('image_id', [100, 102.5, 999])
def test_detections_in_images_that_are_not_there(tmp_path, image_id):
    case = make_case(tmp_path, num_images=4)
    case.detections[3]['image_id'] = image_id
    with pytest.raises(ValueError, match=rf'truth\.json has no image {image_id}'):
        GroundTruth(case.path, 'lvis').with_image_numbers(columns(case, 'bbox'))


def test_choice():
    assert choose_backend('lvis').name == 'hotcoco'  # the tests' installation has it
    assert choose_backend('coco', ('bbox', 'boundary')).name == 'faster_coco_eval'
    with pytest.raises(ValueError, match="unknown backend 'coco'; choose one of hotcoco"):
        choose_backend('lvis', name='coco')
    with pytest.raises(ValueError, match="'lvis' evaluates bbox and segm with style 'lvis', not bbox with style 'coco'"):
        choose_backend('coco', name='lvis')
    with pytest.raises(ValueError, match="'hotcoco' evaluates bbox and segm .* not boundary"):
        choose_backend('coco', ('boundary', ), name='hotcoco')


def test_backends_that_are_not_installed(monkeypatch):
    import importlib.util
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec',
                        lambda name: None if name in ('hotcoco', 'faster_coco_eval') else find_spec(name))
    assert choose_backend('lvis').name == 'lvis'
    assert choose_backend('coco').name == 'pycocotools'
    with pytest.raises(ImportError, match='pip install hotcoco'):
        choose_backend('lvis', name='hotcoco')
    with pytest.raises(ImportError, match='no installed backend evaluates boundary.*pip install faster-coco-eval'):
        choose_backend('lvis', ('boundary', ))
