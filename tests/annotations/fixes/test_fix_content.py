"""Whole files with faults: what is left is what mmdet keeps, and a second fix changes nothing."""

import copy
import json
import math

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from mmdet.datasets import CocoDataset

from imbdet.annotations import find_faults, load_annotations, to_arrays
from imbdet.annotations.content import read_content
from imbdet.annotations.fixes import FixOptions, ImageFile, fix_content

from ..test_random_faults import ODD, ODD_BOXES, broken, contents
from .contents import fix, make_content

DECISIONS = st.builds(
    FixOptions, same_image_ids=st.sampled_from(('keep-last', 'drop')), same_category_ids=st.sampled_from(('keep-last', 'drop')),
    same_names=st.sampled_from(('merge', 'number')), boxes=st.just('xywh'), crowd=st.sampled_from(('keep', 'objects')),
    boxes_drawn_at=st.sampled_from(('stated', 'file')), unknown=st.sampled_from((None, 'drop')),
    missing_images=st.sampled_from(('keep', 'drop')),
    fill_masks=st.booleans(), image_file=st.just(lambda name: None if name == '3.jpg' else ImageFile(100, 100)))


def check_fixed(content, path, options):
    """The fixed content has no fault, mmdet keeps all of it, and fixing it again changes nothing."""
    path.write_text(json.dumps(content, allow_nan=False))
    typed = load_annotations(path)
    assert [fault for fault in find_faults(typed, to_arrays(typed)) if fault.kind != 'no image left'] == []
    names = [category['name'] for category in content['categories']]
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=names), pipeline=[],
                          test_mode=True, serialize_data=False)  # which would collect garbage each time
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    kept = [(info['img_id'], instance['bbox'], names[instance['bbox_label']], instance['ignore_flag'])
            for info in infos for instance in info['instances']]
    by_id = {category['id']: category['name'] for category in content['categories']}
    left = [(entry['image_id'], [x, y, x + width, y + height], by_id[entry['category_id']], entry['iscrowd'])
            for entry in content['annotations'] if not entry.get('ignore') for x, y, width, height in [entry['bbox']]]
    assert sorted(kept, key=repr) == sorted(left, key=repr)
    again = read_content(path)
    report = fix_content(again, options)
    assert (report.changes, report.decisions) == ([], [])
    assert json.dumps(again) == json.dumps(content)


@st.composite
def riddled(draw):
    """A file in which any value of any entry may be odd, with masks."""
    content = draw(contents(odd=True))
    masks = ([[10, 10, 30, 10, 30, 30]], [[1, 2, 3, 4], [10, 10, 30, 10, 30, 30]],
             {'size': [100, 100], 'counts': [1010, 30, 8960]},
             {'size': [100, 30], 'counts': [1010, 30, 1960]}, [10, 10, 30, 10, 30, 30], [[10, 10], [30, 10], [30, 30]],
             '[["10", 10, 30, 10, 30, 30]]', [{'size': ['100', 100.0], 'counts': ['1010', 30.0, 8960]}], *ODD)
    for key in ('images', 'annotations', 'categories'):
        for entry in content[key]:
            if key == 'annotations':
                entry['segmentation'] = draw(st.sampled_from(masks))
            for name in entry:
                if draw(st.integers(0, 9)) == 0:
                    entry[name] = copy.deepcopy(draw(st.sampled_from((*ODD, *ODD_BOXES, 3, '3.jpg', 'a'))))
    return content


@settings(max_examples=80, derandomize=True, deadline=None, database=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(content=st.one_of(contents(odd=True).flatmap(broken), riddled()), options=DECISIONS)
def test_random_faults(tmp_path, content, options):
    path = tmp_path / 'random.json'
    path.write_text(json.dumps(content))
    try:
        content = read_content(path)
    except ValueError:  # a list is missing, or has entries that are no objects
        return
    twin = copy.deepcopy(content)
    report = fix_content(content, options)
    assert fix_content(twin, options) == report
    assert repr(twin) == repr(content)
    possible = {None, '--images FOLDER', '--unknown drop'}  # no name, no size, no drop among the options
    assert {decision.option for decision in report.decisions} <= possible
    if not report.decisions:
        check_fixed(content, path, options)


def test_a_sound_file_stays_as_it_is():
    content = make_content([{'note': 'x'}, {'image_id': 2, 'category_id': 2, 'segmentation': [[0, 0, 9, 0, 9, 9]], 'area': 40}],
                           info={'year': 2020}, licenses=[], extra=[1.5])
    before = json.dumps(content)
    assert fix(content) == ({}, [])
    assert json.dumps(content) == before


def test_many_faults_at_once(tmp_path):
    images = [{}, {'id': '2', 'width': '100'}, {'id': 3.0}]
    boxes = [{}, {'id': 1, 'bbox': [10, 10, 20, 20]}, {'id': 1, 'bbox': [5, 5, 10, 10], 'area': 4e9},
             {'image_id': '2', 'bbox': [-5, 5, 10, 10]}, {'image_id': 3.0, 'iscrowd': None, 'area': math.nan},
             {'category_id': 9}, {'category_id': '2', 'bbox': [1, 1, 0, 1]},
             {'id': 'x', 'category_id': 2.0, 'bbox': None, 'segmentation': [[1, 1, 9, 1, 9, 9], [1, 2]]}]
    content = make_content(boxes, images, ['a ', {'id': 2, 'name': None}, 'c'], info={'score': math.nan})
    changes, asked = fix(content)
    assert asked == []
    assert content['info'] == {'score': None}
    assert [annotation['id'] for annotation in content['annotations']] == [1, 3, 4, 5, 2]
    assert changes['same annotation listed twice'] == ['1 (entry 2)']
    assert changes['no bbox: taken from the mask'] == ['x']
    check_fixed(content, tmp_path / 'fixed.json', FixOptions())


def test_nan_in_keys_that_nobody_reads():
    content = make_content([{'score': math.nan, 'attributes': {'list': [1, math.inf]}}, {}], info={'x': -math.inf})
    changes, _ = fix(content)
    assert content['annotations'][0]['score'] is None
    assert content['annotations'][0]['attributes'] == {'list': [1, None]}
    assert content['info'] == {'x': None}
    assert changes == {'NaN or infinity in other keys: made null': [1], 'NaN or infinity outside the lists: made null': []}


def test_panoptic_files_are_refused():
    with pytest.raises(ValueError, match='panoptic file'):
        fix_content(make_content([{'segments_info': []}]))


def test_the_report_counts_and_names():
    report = fix_content(make_content([{'bbox': [90, 10, 20, 20]}, *[{'image_id': 7}] * 12], categories=['a']),
                         FixOptions(unknown='drop'))
    assert report.lines() == [
        'Changed:', '  1 annotation: box clipped to its image (id 1)',
        '  1 annotation: area computed for the changed box (id 1)',
        'Removed:', '  12 annotations: image that the file does not list (ids 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...)',
        'Note: boxes that leave the size that the file states for their image: 1. It may be the size that is wrong; --images',
        '      FOLDER compares it with the image files',
        'Result: 2 images, 1 of 13 annotations, 1 categories']
    change, = (change for change in report.as_json()['changes'] if change['is_removal'])
    assert change == {'kind': 'image that the file does not list', 'of': 'annotation', 'ids': [*range(2, 14)],
                      'is_removal': True, 'count': 12}
    assert json.loads(json.dumps(report.as_json())) == report.as_json()
