"""Values that mmdet takes and the strict reader does not, against what mmdet's data sets make of them."""

import copy
import json

import pytest
from mmdet.datasets import CocoDataset, CocoPanopticDataset

from imbdet.annotations import AnnotationError, check_annotations, load_annotations, to_arrays

CHANGES = {
    'null flags': dict(annotations=dict(iscrowd=None, ignore=None)),
    'flags as floats': dict(annotations=dict(iscrowd=0.0, ignore=0.0)),
    'a crowd as a float': dict(annotations=dict(iscrowd=1.0)),
    'ids as floats': dict(annotations=dict(id=float, image_id=float, category_id=float), images=dict(id=float),
                          categories=dict(id=float)),
    'image ids as floats in one list': dict(annotations=dict(image_id=float)),
    'category ids as floats in one list': dict(categories=dict(id=float)),
    'keys of other evaluations': dict(images=dict(coco_url=0, neg_category_ids=None, not_exhaustive_category_ids='none'),
                                      categories=dict(frequency=3, image_count='many', instance_count=2.0)),
}


@pytest.fixture
def sound(annotation_file):
    """Path and content of a file of 3 images and 4 boxes."""
    path = annotation_file([(1, 1), (1, 2), (3, 3), (3, 1)])
    return path, json.loads(path.read_text())


def changed(content, change):
    content = copy.deepcopy(content)
    for key, values in change.items():
        for entry in content[key]:
            entry.update({name: value(entry[name]) if callable(value) else value for name, value in values.items()})
    return content


def objects(dataset):
    """Label, box and whether it is ignored, of each instance."""
    return [(info['bbox_label'], tuple(info['bbox']), info['ignore_flag'])
            for index in range(len(dataset)) for info in dataset.get_data_info(index)['instances']]


@pytest.mark.parametrize('name', CHANGES)
def test_is_read_as_mmdet_reads_it(sound, name):  # fault 30
    path, content = sound
    path.write_text(json.dumps(changed(content, CHANGES[name])))
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    columns = to_arrays(load_annotations(path))
    ours = [(label, (x, y, x + width, y + height), int(ignored)) for label, (x, y, width, height), ignored in zip(
        columns.categories.tolist(), columns.boxes.tolist(), columns.is_ignored.tolist(), strict=True)]
    assert ours == objects(dataset)
    assert len(ours) == 4
    assert check_annotations(path, ('a', 'b', 'c')).lines() == []


def test_ids_are_integers_afterwards(sound):
    path, content = sound
    expected = load_annotations(path)
    path.write_text(json.dumps(changed(content, CHANGES['ids as floats'])))
    assert load_annotations(path) == expected
    assert isinstance(load_annotations(path).annotations[0].image_id, int)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(annotations=dict(category_id=1.5)), r'Expected `int`, got `float` - at `\$\.annotations\[0\]\.category_id`'),
    (dict(annotations=dict(category_id=str)), r'Expected `int`, got `str` - at `\$\.annotations\[0\]\.category_id`'),
    (dict(images=dict(width=str)), r'got `str` - at `\$\.images\[0\]\.width`'),
])
def test_what_mmdet_would_drop_or_fail_on_is_named(sound, change, message):
    """A category id that is text equals none of the file's, so that mmdet drops the box."""
    path, content = sound
    path.write_text(json.dumps(changed(content, change)))
    with pytest.raises(AnnotationError, match=message):
        load_annotations(path)


def test_a_file_for_testing_alone(sound):  # fault 30
    path, content = sound
    del content['annotations']
    path.write_text(json.dumps(content))
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    read = load_annotations(path)
    assert len(read.images) == len(dataset) == 3
    assert read.annotations == []


def test_segments_of_a_panoptic_file(tmp_path):  # fault 30
    """Ids of segments repeat in other images; crowds are annotations too, stuff is none."""
    images = [{'id': number, 'file_name': f'{number}.jpg', 'width': 100, 'height': 80} for number in (4, 9)]
    segments = [{'id': number, 'category_id': number, 'bbox': [10 * number, 5, 20, 30], 'area': 500,
                 'iscrowd': int(number == 3)} for number in (1, 2, 3)]
    path = tmp_path / 'panoptic.json'
    path.write_text(json.dumps({
        'images': images,
        'annotations': [{'image_id': image['id'], 'file_name': f'{image["id"]}.png', 'segments_info': segments}
                        for image in images],
        'categories': [{'id': number, 'name': name, 'isthing': int(name != 'b')} for number, name in enumerate('abc', 1)]}))
    dataset = CocoPanopticDataset(
        ann_file=str(path), data_prefix=dict(img='', ann='', seg=''),
        metainfo=dict(classes=('a', 'b', 'c'), thing_classes=('a', 'c'), stuff_classes=('b', )), pipeline=[])
    columns = to_arrays(load_annotations(path))
    assert columns.images.tolist() == [0, 0, 1, 1]
    assert columns.categories.tolist() == [0, 2] * 2
    counted = ~columns.is_ignored
    assert [(label, (x, y, x + width, y + height), 0) for label, (x, y, width, height) in zip(
        columns.categories[counted].tolist(), columns.boxes[counted].tolist(), strict=True)] == objects(dataset)
    assert check_annotations(path, ('a', 'b', 'c')).lines() == []
