"""Masks: what is usable, against pycocotools and the four libraries."""

import json

import numpy as np
import pytest
from pycocotools import mask as mask_utils

from imbdet.annotations import AnnotationError
from imbdet.annotations.mask_checks import check_masks
from imbdet.annotations.masks import decode_run_lengths, mask_fault

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
RUNS = {'size': [100, 100], 'counts': [1000, 50, 8950]}
USABLE = {
    'a polygon': [SQUARE],
    'two polygons': [SQUARE, [50, 50, 60, 50, 60, 60]],
    'a polygon that leaves the image a little': [[-5, -5, 120, 10, 50.5, 130]],
    'a polygon next to two points': [[1, 2, 3, 4], SQUARE],
    'run lengths': RUNS,
    'compressed run lengths': {'size': [100, 100], 'counts': mask_utils.frPyObjects(RUNS, 100, 100)['counts'].decode()},
}
UNUSABLE = {
    'no mask': [None, [], {}],
    'a mask that is neither': ['text', 3, True],
    'a list of numbers': [SQUARE],
    'fewer than three points': [[[1, 2, 3, 4]], [[]], [[1, 2, 3, 4], [5, 6]]],
    'an odd number of values': [[SQUARE[:7]], [SQUARE, SQUARE[:7]]],
    'not a list of numbers': [[[None] * 6], [['1', '2', '3', '4', '5', '6']], [None], [SQUARE, {'x': 1}]],
    'NaN or infinity': [[[float('nan'), *SQUARE[1:]]], [[float('inf'), *SQUARE[1:]]]],
    'more than one image size outside': [[[-101, *SQUARE[1:]]], [[*SQUARE[:7], 201]], [[1e9, *SQUARE[1:]], SQUARE]],
    'run lengths of another size': [{**RUNS, 'size': [50, 100]}, {**RUNS, 'size': [100]}],
    'size is not two integers': [{'counts': [10000]}, {'size': 100, 'counts': [10000]}, {**RUNS, 'size': [100.0, 100.0]},
                                 {**RUNS, 'size': []}],
    'run lengths that do not cover': [{**RUNS, 'counts': [1, 2]}, {**RUNS, 'counts': 'ab'}, {**RUNS, 'counts': 'é'},
                                      {**RUNS, 'counts': [-5, 10005]}, {'size': [100, 100]}, {**RUNS, 'counts': 'oooo'}],
}


@pytest.mark.parametrize('name', USABLE)
def test_usable_masks(name):
    assert mask_fault(USABLE[name], 100, 100) is None


@pytest.mark.parametrize(('what', 'mask'), [(what, mask) for what, masks in UNUSABLE.items() for mask in masks])
def test_unusable_masks(what, mask):
    assert what in mask_fault(mask, 100, 100)


@pytest.mark.parametrize('seed', range(20))
def test_run_lengths_are_those_that_pycocotools_compressed(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 200, 2)
    mask = rng.random(shape) < rng.choice([0, 0.01, 0.5, 1])
    counts = decode_run_lengths(mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))['counts'])
    values = np.repeat(np.arange(len(counts)) % 2, counts).reshape(shape[::-1]).T
    np.testing.assert_array_equal(values, mask)


def masked_file(annotation_file, *masks, **keys):
    return annotation_file([{'segmentation': mask, **keys} for mask in masks])


def test_errors_name_file_and_annotations(annotation_file):
    path = masked_file(annotation_file, [SQUARE], [SQUARE[:4]], [SQUARE], [SQUARE[:4]])
    with pytest.raises(AnnotationError, match=r'train.json: 2 of 4 annotations have a polygon of fewer than three points '
                                              r"\(annotation ids 2, 4\); correct them by 'imbdet fix ANN"):
        check_masks(path)
    (fault, ) = check_masks(path, is_training=True)
    assert fault.ids == [2, 4]
    assert 'mmdet ignores them' in fault.message


def test_what_crashes_a_training_comes_before_what_does_not(annotation_file):
    path = masked_file(annotation_file, [SQUARE[:4]], [[float('nan'), *SQUARE[1:]]])  # NaN: read by Python's parser
    with pytest.raises(AnnotationError, match=r'NaN or infinity \(annotation ids 2\)'):
        check_masks(path, is_training=True)


def test_annotations_that_do_not_count(annotation_file):
    """Those of other categories, and of images that the file does not list."""
    path = annotation_file([{'segmentation': [SQUARE]}, {'category_id': 2}, {'image_id': 99}])
    assert check_masks(path, categories={1}) == []
    with pytest.raises(AnnotationError, match=r'1 of 3 annotations have no mask \(annotation ids 2\)'):
        check_masks(path)


def test_files_that_are_none(tmp_path):
    (tmp_path / 'text.json').write_text(json.dumps({'images': [3], 'annotations': []}))
    with pytest.raises(AnnotationError, match='text.json'):
        check_masks(tmp_path / 'text.json')
