"""Objects that are listed twice under ids of their own."""

import itertools
import random

import pytest

from .contents import fix, make_content

BOX, MASK = [10, 10, 20, 20], [[10, 10, 30, 10, 30, 30]]


def kept(content):
    return [annotation['id'] for annotation in content['annotations']]


def test_only_the_first_of_equal_objects_remains():
    random.seed(0)
    keys = [('image_id', (1, 2)), ('category_id', (1, 2)), ('bbox', (BOX, [10, 10, 20, 21])), ('iscrowd', (0, 1)),
            ('segmentation', (..., MASK, [[10, 10, 30, 10, 10, 30]]))]
    objects = [dict(values) for values in itertools.product(*[[(key, value) for value in values] for key, values in keys])]
    drawn = [random.choice(objects) for _ in range(150)]
    content = make_content([{**entry, 'area': 200, 'note': number} for number, entry in enumerate(drawn)])
    changes, _ = fix(content)
    first = [number for number, entry in enumerate(drawn, start=1) if entry not in drawn[:number - 1]]
    assert kept(content) == first
    assert changes['same object listed before'] == [number for number in range(1, 151) if number not in first]
    assert fix(content) == ({}, [])


@pytest.mark.parametrize(('one', 'other', 'options'), [
    ({}, {'bbox': [10.0, 10, '20', 20]}, {}),
    ({'segmentation': MASK}, {'segmentation': [[10.0, 10, 30, 10, 30, 30]]}, {}),
    ({'segmentation': MASK}, {'segmentation': [[10, 10], [30, 10], [30, 30]]}, {}),
    ({'segmentation': [[10, 10, 30, 10, 30, 30, 10, 30]]}, {}, {'fill_masks': True}),
    ({'iscrowd': 1}, {'iscrowd': True}, {'crowd': 'keep'}),
    ({'bbox': [80, 10, 20, 20]}, {'bbox': [80, 10, 25, 20]}, {}),
])
def test_objects_that_the_fix_makes_equal(one, other, options):
    content = make_content([{'bbox': BOX, **one}, {'bbox': BOX, **other}])
    changes, _ = fix(content, **options)
    assert changes['same object listed before'] == [2]
    assert fix(content, **options) == ({}, [])
