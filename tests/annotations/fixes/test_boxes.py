"""Boxes and areas."""

import math
import random

import pytest

from .contents import fix, make_content

NAN, INF = math.nan, math.inf
POLYGON = [[10, 20, 40, 20, 40, 50]]


def boxes(content):
    return [annotation['bbox'] for annotation in content['annotations']]


def pixels_inside(box):
    """The box x, y, width, height of the pixels of a whole-numbered box that an image of 100 x 80 has; None without any."""
    columns = [x for x in range(box[0], box[0] + box[2]) if 0 <= x < 100]
    rows = [y for y in range(box[1], box[1] + box[3]) if 0 <= y < 80]
    return [columns[0], rows[0], len(columns), len(rows)] if columns and rows else None


def test_boxes_are_clipped_to_the_pixels_of_their_image():
    random.seed(0)
    drawn = [[random.randint(-120, 120), random.randint(-120, 120), random.randint(1, 150), random.randint(1, 150)]
             for _ in range(300)]
    content = make_content([{'bbox': list(box), 'area': box[2] * box[3]} for box in drawn])
    fix(content)
    assert boxes(content) == [inside for box in drawn if (inside := pixels_inside(box)) is not None]
    assert [annotation['area'] for annotation in content['annotations']] == [box[2] * box[3] for box in boxes(content)]


@pytest.mark.parametrize(('box', 'kind'), [
    (..., 'no bbox, and no mask to take it from'),
    (None, 'no bbox, and no mask to take it from'),
    ([NAN, 1, 5, 5], 'bbox is not four finite numbers, and no mask to take it from'),
    ([1, 1, INF, 5], 'bbox is not four finite numbers, and no mask to take it from'),
    ([1, 2, 3], 'bbox is not four finite numbers, and no mask to take it from'),
    ([1, 2, 3, None], 'bbox is not four finite numbers, and no mask to take it from'),
    ('1 2 3 4', 'bbox is not four finite numbers, and no mask to take it from'),
    ([1, 1, 0, 5], 'box without width or height, and no mask to take it from'),
    ([1, 1, 5, -5], 'box without width or height, and no mask to take it from'),
    ([1, 1, 0.5, 5], 'box less than a pixel wide or high in its image'),
    ([99.5, 1, 20, 5], 'box less than a pixel wide or high in its image'),
    ([100, 1, 20, 5], 'box outside its image'),
    ([1, -6, 20, 5], 'box outside its image'),
])
def test_annotations_without_a_usable_box_are_removed(box, kind):
    content = make_content([{}, {'bbox': box}, {}])
    assert fix(content) == ({kind: [2]}, [])
    assert [annotation['id'] for annotation in content['annotations']] == [1, 3]


FRAME = [10 * 80 + 20, 30, 29 * 80 - 30, 30]  # run lengths of the first and the last column of the polygon's box


@pytest.mark.parametrize('box', [..., None, [NAN, 1, 5, 5], [1, 2], [], [40, 50, -30, -30], [10, 20, 0, 30], [1, 1, 5, -5]])
@pytest.mark.parametrize('mask', [POLYGON, {'size': [80, 100], 'counts': [*FRAME, 8000 - sum(FRAME)]}])
def test_boxes_are_taken_from_the_mask(box, mask):
    content = make_content([{'bbox': box, 'segmentation': mask}])
    fix(content)
    assert boxes(content) == [[10, 20, 30, 30]]


def test_a_mask_without_width_gives_no_box():
    content = make_content([{'bbox': [1, 1, -5, 5], 'segmentation': [[10, 10, 10, 20, 10, 30]]}])
    changes, _ = fix(content)
    assert boxes(content) == []
    assert [*changes] == ['box without width or height: taken from the mask', 'box without width or height']


def test_numbers_as_text():
    content = make_content([{'bbox': ['10', 10, ' 20.5', '2e1'], 'area': '410'}])
    changes, _ = fix(content)
    assert boxes(content) == [[10, 10, 20.5, 20]]
    assert content['annotations'][0]['area'] == 410
    assert changes == {'box with numbers as text: made numbers': [1], 'area as text: made a number': [1]}


def test_boxes_inside_stay_as_they_are():
    random.seed(1)
    drawn = []
    for _ in range(200):
        x, y = random.uniform(0, 90), random.uniform(0, 70)
        drawn.append([x, y, random.choice([random.uniform(1, 100 - x), 100 - x]), random.uniform(1, 80 - y)])
    content = make_content([{'bbox': list(box), 'area': box[2] * box[3]} for box in drawn])
    assert fix(content) == ({}, [])
    assert boxes(content) == drawn


@pytest.mark.parametrize(('area', 'mask', 'fixed'), [
    (400, ..., 400), (400.4, ..., 400.4), (441, ..., 441), (442, ..., 400), (358, ..., 400), (360, ..., 360),
    (..., ..., 400), (None, ..., 400), (NAN, ..., 400), (INF, ..., 400), (0, ..., 400), (-3, ..., 400), ('many', ..., 400),
    (150, [[10, 10, 30, 10, 30, 30, 10, 30]], 150), (9999, [[10, 10, 20, 10, 20, 30, 10, 30]], 200),
    (..., [[10, 10, 20, 10, 20, 30, 10, 30], [25, 10, 30, 10, 30, 30, 25, 30]], 300),
    (..., {'size': [80, 100], 'counts': [810, 7, 7183]}, 7),
    (..., [[10, 10, 10.2, 10, 10.2, 10.2]], 400),  # thinner than a pixel
    (9999, [[0, 0, 100, 0, 100, 80, 0, 80]], 400),  # the mask is larger than the box, too
])
def test_areas(area, mask, fixed):
    content = make_content([{'area': area, 'segmentation': mask}])
    fix(content)
    assert content['annotations'][0]['area'] == fixed


def corners(box):
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


def fractions(box):
    return [box[0] / 128, box[1] / 64, box[2] / 128, box[3] / 64]


SIZE = {'width': 128, 'height': 64}
DRAWN = [[10, 10, 20, 30], [70, 30, 50, 20], [5, 40, 10, 10], [64, 2, 60, 60], [0, 0, 128, 64]]


@pytest.mark.parametrize(('choice', 'convert'), [('xyxy', corners), ('relative', fractions), ('xywh', list)])
def test_boxes_of_another_form(choice, convert):
    def read():
        return make_content([{'bbox': convert(box), 'area': ...} for box in DRAWN], [SIZE])

    asked = [] if choice == 'xywh' else ['--boxes xywh|xyxy|relative']
    assert fix(read())[1] == asked
    content = read()
    assert fix(content, boxes=choice)[1] == []
    assert boxes(content) == DRAWN
    assert [annotation['area'] for annotation in content['annotations']] == [box[2] * box[3] for box in DRAWN]
    assert fix(content) == ({}, [])
    assert fix(content, boxes=choice)[1] == ([] if choice == 'xywh' else [None])  # not converted twice


def test_polygons_that_are_fractions_too():
    content = make_content([{'bbox': [0.25, 0.25, 0.5, 0.5], 'segmentation': [[0.25, 0.25, 0.75, 0.25, 0.75, 0.75]]}], [SIZE])
    fix(content, boxes='relative')
    assert content['annotations'][0]['segmentation'] == [[32, 16, 96, 16, 96, 48]]


@pytest.mark.parametrize('drawn', [
    [[0, 0, 100, 80]] * 5,  # whole images
    [[1, 1, 100, 80]] * 5,  # drawn by a pixel too far
    [[50, 40, 50, 40], [10, 10, 30, 60]],
    [[60, 20, 70, 30], [60, 20, 20, 30]],  # one leaves the image, but the other is no pair of corners
    [],
])
def test_sound_boxes_are_not_asked_about(drawn):
    assert fix(make_content([{'bbox': list(box), 'area': ...} for box in drawn]))[1] == []


@pytest.mark.parametrize(('value', 'fixed'), [
    (0, 0), (1, 1), (..., 0), (None, 0), (False, 0), (True, 1), (1.0, 1), (0.0, 0), ('0', 0), ('1', 1), ('true', 1),
    ('False', 0), ('', 0), (2, 1), ('no', 0), ('N', 0), ('Yes', 1), (' y ', 1),
])
def test_crowd_flags(value, fixed):
    content = make_content([{}, {'iscrowd': value}])
    changes, _ = fix(content)
    assert [type(annotation['iscrowd']) for annotation in content['annotations']] == [int, int]
    assert content['annotations'][1]['iscrowd'] == fixed
    assert bool(changes) == (type(value) is not int or value != fixed)


@pytest.mark.parametrize('value', ['crowd', [], 'nope', '1.2.3'])
def test_flags_that_say_nothing_are_asked_about(value):
    content = make_content([{}, {'iscrowd': value}, {'ignore': value}])
    changes, asked = fix(content)
    assert (changes, asked) == ({}, [None])


@pytest.mark.parametrize(('choice', 'flags'), [('keep', [1, 1]), ('objects', [0, 0]), (None, [1, 1])])
def test_a_file_of_crowds(choice, flags):
    content = make_content([{'iscrowd': 1}, {'iscrowd': True}])
    _, asked = fix(content, crowd=choice)
    assert [annotation['iscrowd'] for annotation in content['annotations']] == flags
    assert asked == ([] if choice else ['--crowd keep|objects'])


def test_boxes_outside_by_rounding_stay_as_they_are():
    """Such as those of YOLO labels, whose six decimals are turned into pixels."""
    drawn = [[-0.004, 10, 20, 20], [80, 60, 20.004, 20.004], [90, 60, 10.02, 10]]
    content = make_content([{'bbox': list(box)} for box in drawn])
    changes, _ = fix(content)
    assert changes['box clipped to its image'] == [3]
    assert boxes(content) == [*drawn[:2], [90, 60, 10, 10]]
