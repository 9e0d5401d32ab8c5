"""Masks that are malformed or missing."""

import copy
import json
import math

import pytest
from pycocotools import mask as coco_mask

from imbdet.annotations.fixes import FixOptions, ImageFile, fix_content
from imbdet.annotations.masks import mask_fault

from .contents import fix, make_content

SOUND = [10, 10, 30, 10, 30, 30, 10, 30]
RUN_LENGTHS = coco_mask.frPyObjects([SOUND], 80, 100)[0]
TEXT = RUN_LENGTHS['counts'].decode()


@pytest.mark.parametrize(('mask', 'fixed'), [
    ([SOUND], [SOUND]),
    (SOUND, [SOUND]),
    ([SOUND, [1, 2, 3, 4]], [SOUND]),
    ([SOUND, SOUND[:-1]], [SOUND]),
    ([SOUND, [math.nan] * 6], [SOUND]),
    ([[1, 2, 3, 4]], ...),
    ([[1, 2, 3, 4, math.inf, 6]], ...),
    ([['1', '2', '3', '4', '5', 'x']], ...),
    ([[0, 0, 201, 0, 0, 80]], ...),
    ([[0, 0, 200, 0, 0, 160]], [[0, 0, 200, 0, 0, 160]]),
    ([[0, 0, 200, 0, 0, 161]], ...),
    ([[-101, 0, 20, 0, 0, 80]], ...),
    ([], ...), (None, ...), ({}, ...), ([[]], ...), ('x', ...), (7, ...),
    ({'size': [80, 100], 'counts': TEXT}, {'size': [80, 100], 'counts': TEXT}),
    ({'size': [80.0, 100.0], 'counts': TEXT}, {'size': [80, 100], 'counts': TEXT}),
    ({'size': [80, 100], 'counts': [810, 20, 7170]}, {'size': [80, 100], 'counts': [810, 20, 7170]}),
    ({'size': [100, 80], 'counts': TEXT}, ...),
    ({'size': [80, 100], 'counts': TEXT[:-1]}, ...),
    ({'size': [80, 100], 'counts': 'Tür'}, ...),
    ({'size': [80, 100], 'counts': [810, 20]}, ...),
    ({'size': [80, 100], 'counts': [810, -20, 7210]}, ...),
    ({'size': [80, 100]}, ...),
    ({'counts': TEXT}, ...),
])
def test_what_makes_no_mask_is_removed(mask, fixed):
    content = make_content([{'segmentation': copy.deepcopy(mask)}])
    changes, asked = fix(content)
    assert asked == []
    assert content['annotations'][0].get('segmentation', ...) == fixed
    assert len(changes) == (repr(mask) != repr(fixed))
    if fixed is not ...:
        assert mask_fault(fixed, 100, 80) is None
        area = coco_mask.area(coco_mask.frPyObjects(fixed, 80, 100) if not isinstance(fixed, dict) or isinstance(
            fixed['counts'], list) else fixed)
        assert (area > 0).all()


LENGTHS = {'size': [80, 100], 'counts': [810, 20, 7170]}


@pytest.mark.parametrize(('mask', 'fixed'), [
    ([[10, 10], [30, 10], [30, 30], [10, 30]], [SOUND]),
    ([[[10, 10], [30, 10], [30, 30], [10, 30]], SOUND], [SOUND, SOUND]),
    ([['10', '10'], ['30', '10'], ['30', '30'], ['10', '30']], [SOUND]),
    ([[str(value) for value in SOUND]], [SOUND]),
    ([str(value) for value in SOUND], [SOUND]),
    (json.dumps([SOUND]), [SOUND]),
    (json.dumps(SOUND), [SOUND]),
    (json.dumps({'size': [80, 100], 'counts': TEXT}), {'size': [80, 100], 'counts': TEXT}),
    ({'size': [80, 100], 'counts': [810.0, 20, '7170']}, LENGTHS),
    ({'size': ['80', 100.0], 'counts': [810, 20, 7170]}, LENGTHS),
    ([LENGTHS], LENGTHS),
    ([{'size': [80, 100], 'counts': TEXT}], {'size': [80, 100], 'counts': TEXT}),
    ({'size': [80, 100], 'counts': [TEXT]}, {'size': [80, 100], 'counts': TEXT}),
    ({'size': [80, 100], 'counts': str(TEXT.encode())}, {'size': [80, 100], 'counts': TEXT}),
])
def test_masks_of_other_forms_are_converted(mask, fixed):
    content = make_content([{'segmentation': copy.deepcopy(mask)}])
    changes, _ = fix(content)
    assert repr(content['annotations'][0]['segmentation']) == repr(fixed)
    assert changes
    assert {tuple(ids) for ids in changes.values()} == {(1, )}
    assert not any('removed' in kind for kind in changes)
    assert fix(content) == ({}, [])


@pytest.mark.parametrize('mask', [
    [[10, 10], [30, 10]], [[10, 10], [30, 10], [30, 30, 5]], '[1', '7', 'null', [LENGTHS, LENGTHS], '[' * 100000,
    {'size': [80, 100], 'counts': [810.5, 20, 7169.5]}, {'size': [80, 100], 'counts': "b'\\xff'"},
    {'size': [80, 100], 'counts': "b'\\'"},
])
def test_what_cannot_be_read_is_removed(mask):
    content = make_content([{'segmentation': mask}])
    changes, _ = fix(content)
    assert 'segmentation' not in content['annotations'][0]
    assert any('removed' in kind for kind in changes)


def test_masks_of_other_forms_are_scaled_with_their_image():
    content = make_content([{'segmentation': json.dumps([SOUND])}], images=1)
    fix(content, image_file=lambda name: ImageFile(200, 160), boxes_drawn_at='stated')
    assert content['annotations'][0]['segmentation'] == [[2 * value for value in SOUND]]


@pytest.mark.parametrize(('box', 'is_beside'), [
    ([10, 10, 20, 20], False), ([30, 30, 5, 5], False), ([31, 10, 20, 20], True), ([0, 10, 9, 20], True),
    ([10, 31, 20, 20], True), ([10, 0, 20, 9], True),
])
def test_boxes_beside_their_polygons_are_named(box, is_beside):
    content = make_content([{}, {'bbox': box, 'segmentation': [SOUND], 'area': box[2] * box[3]}])
    report = fix_content(content)
    assert any(note.startswith('boxes that do not touch their own mask: 1;') and '(ids 2)' in note
               for note in report.notes) == is_beside
    assert report.changes == []


def test_missing_masks_are_filled_only_if_that_is_asked_for():
    def read():
        return make_content([{'segmentation': [SOUND]}, {'bbox': [90, 70, 20, 20]}])

    content = read()
    report = fix_content(content)
    assert 'segmentation' not in content['annotations'][1]
    assert any(note.startswith('annotations without a mask: 1 of 2;') for note in report.notes)
    content = read()
    report = fix_content(content, FixOptions(fill_masks=True))
    assert content['annotations'][1]['segmentation'] == [[90, 70, 100, 70, 100, 80, 90, 80]]
    assert not any('mask' in note for note in report.notes)
    assert content['annotations'][0]['segmentation'] == [SOUND]


def test_a_file_without_masks_is_not_noted():
    assert not any('mask' in note for note in fix_content(make_content([{}, {}])).notes)


def test_boxes_that_are_not_fixed_yet_fill_no_mask():
    content = make_content([{'bbox': None}], [{'width': ...}])
    assert fix(content, fill_masks=True)[1] == ['--images FOLDER']
