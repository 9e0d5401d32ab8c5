"""Annotation files with faults, alone and against what mmdet's own data set makes of them."""

import pytest
from mmdet.datasets import CocoDataset

from imbdet.annotations import AnnotationError, check_annotations, load_annotations


def box(**keys):
    return {'image_id': 1, 'category_id': 1, **keys}


def test_a_sound_file_has_nothing_to_report(annotation_file):
    assert check_annotations(annotation_file([(1, 1), (2, 3)]), ('a', 'b', 'c')).lines() == []


@pytest.mark.parametrize('key', ['area', 'bbox'])
def test_missing_keys_of_boxes(annotation_file, key):  # fault 12
    path = annotation_file([box(), box(**{key: None})])
    with pytest.raises(AnnotationError, match=rf"train\.json: 1 annotations have no '{key}' \(annotation ids 2\)"):
        check_annotations(path)


def test_missing_size_of_an_image(annotation_file):  # fault 12
    path = annotation_file(images=[{'id': 7, 'file_name': '7.jpg', 'width': 10}])
    with pytest.raises(AnnotationError, match=r"no 'height' \(image ids 7\)"):
        check_annotations(path)


def test_missing_lists_and_ids(annotation_file, tmp_path):  # fault 12
    (tmp_path / 'empty.json').write_text('{}')
    with pytest.raises(AnnotationError, match=r'empty\.json.*images'):
        load_annotations(tmp_path / 'empty.json')
    with pytest.raises(AnnotationError, match=r'category_id.*annotations\[0\]'):
        load_annotations(annotation_file([box(category_id=None)]))
    (tmp_path / 'broken.json').write_text('{"images": [')
    with pytest.raises(AnnotationError, match=r'broken\.json'):
        load_annotations(tmp_path / 'broken.json')
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        load_annotations(tmp_path / 'none.json')


@pytest.mark.parametrize(('content', 'message'), [
    (b'{"info": ' + b'[' * 200000, 'nested too deeply'),
    (b'{"info": NaN, "x": ' + b'[' * 200000, 'recursion'),  # Python's parser
    (b'\xef\xbb\xbf{"images": [], "annotations": [], "categories": []}', 'Unexpected UTF-8 BOM'),
    ('{"images": [], "annotations": [], "categories": []}'.encode('utf-16'), "'utf-8' codec can't decode"),
    (b'', 'Expecting value')])
def test_files_that_pycocotools_cannot_open(tmp_path, content, message):  # fault 12
    (tmp_path / 'odd.json').write_bytes(content)
    with pytest.raises(AnnotationError, match=rf'odd\.json: .*({message})'):
        load_annotations(tmp_path / 'odd.json')
    with pytest.raises((ValueError, RecursionError)):
        CocoDataset(ann_file=str(tmp_path / 'odd.json'), data_prefix=dict(img=''), metainfo=dict(classes=()), pipeline=[])


@pytest.mark.parametrize('boxes', [[box(id=2**63)], [box(image_id=-2**70)], [box(category_id=2**64)]])
def test_ids_that_arrays_cannot_hold(annotation_file, boxes):  # fault 12
    with pytest.raises(AnnotationError, match=r'train\.json: .*annotations\[0\]'):
        load_annotations(annotation_file(boxes))


@pytest.mark.parametrize('width', [0, -100, float('nan'), float('inf')])
def test_impossible_size_of_an_image(annotation_file, width):  # fault 12
    path = annotation_file(images=[{'id': 7, 'file_name': '7.jpg', 'width': width, 'height': 9}])
    with pytest.raises(AnnotationError, match=r"no 'width' \(image ids 7\), or one that is not a positive number"):
        check_annotations(path)


def test_box_of_three_numbers(annotation_file):  # fault 12
    with pytest.raises(AnnotationError, match='not four numbers.*annotation ids 1'):
        check_annotations(annotation_file([box(bbox=[1, 2, 3])]))


DROPPED = {  # fault 13
    'nan': box(bbox=[float('nan'), 10, 20, 20]),
    'infinite': box(bbox=[float('inf'), 10, 20, 20]),
    'negative width': box(bbox=[30, 10, -20, 20]),
    'no height': box(bbox=[10, 10, 20, 0]),
    'half a pixel': box(bbox=[10, 10, 0.5, 20]),
    'no area': box(area=0),
    'right of the image': box(bbox=[100, 10, 20, 20]),
    'above the image': box(bbox=[10, -20, 20, 20]),
    'unknown category': box(category_id=9),
    'unknown image': box(image_id=9),
}


@pytest.mark.parametrize('name', DROPPED)
def test_dropped_boxes_are_counted(annotation_file, name):  # fault 13
    path = annotation_file([box(), DROPPED[name], box(image_id=2)])
    report = check_annotations(path, ('a', 'b', 'c'))
    assert list(report.dropped.values()) == [[2]]
    assert 'train.json: 1 of 3 annotations' in report.lines()[0]
    assert 'annotation ids 2' in report.lines()[0]
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    assert sum(len(dataset.get_data_info(index)['instances']) for index in range(3)) == 2


@pytest.mark.parametrize('keys', [dict(bbox=[10, 10, float('inf'), 20]), dict(area=float('nan')), dict(area=float('inf'))])
def test_what_is_not_finite_and_mmdet_keeps(annotation_file, keys):  # fault 13
    path = annotation_file([box(), box(**keys)])
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    assert len(dataset.get_data_info(0)['instances']) == 2
    with pytest.raises(AnnotationError, match=r'train\.json: 1 annotations have an infinite .* \(annotation ids 2\)'):
        check_annotations(path)


def test_boxes_partly_outside_are_kept(annotation_file):  # fault 13
    assert check_annotations(annotation_file([box(bbox=[-10, -10, 20, 20]), box(bbox=[90, 90, 20, 20])])).lines() == []


@pytest.mark.parametrize(('kind', 'top'), [
    ('image', {'images': [{'id': 1, 'width': 9, 'height': 9}] * 2}),
    ('category', {'categories': [{'id': 1, 'name': 'a'}, {'id': 1, 'name': 'b'}]}),
])
def test_duplicate_ids(annotation_file, kind, top):  # fault 14
    with pytest.raises(AnnotationError, match=rf'1 {kind} ids are not unique \(1\)'):
        check_annotations(annotation_file([(1, 1)], **top))


def test_duplicate_annotation_ids(annotation_file):  # fault 14
    with pytest.raises(AnnotationError, match=r'1 annotation ids are not unique \(5\)'):
        check_annotations(annotation_file([box(id=5), box(id=5)]))


def test_filter_that_removes_every_image(annotation_file):  # fault 15
    path = annotation_file([(1, 1)])
    with pytest.raises(AnnotationError, match=r'none of the 3 images is left.*min_size'):
        check_annotations(path, filter_cfg=dict(min_size=101))
    with pytest.raises(AnnotationError, match=r'none of the 3 images is left.*filter_empty_gt'):
        check_annotations(path, ('b', ), dict(filter_empty_gt=True))
    check_annotations(path, ('a', ), dict(filter_empty_gt=True, min_size=100))


def test_class_names(annotation_file):  # fault 16
    path = annotation_file([(1, 1)])
    with pytest.raises(AnnotationError, match=r"train\.json: class 'dog' of the config is not a category"):
        check_annotations(path, ('a', 'dog'))
    with pytest.raises(AnnotationError, match=r"another order.*classes=\('a', 'c'\)"):
        check_annotations(path, ('c', 'a'))
    check_annotations(path, ('a', 'c'))


def test_classes_that_are_text(annotation_file):  # fault 16
    with pytest.raises(AnnotationError, match=r"string 'a', and each of its letters .*write classes=\('a', \)"):
        check_annotations(annotation_file([(1, 1)]), ('a'))


def test_categories_of_one_name(annotation_file):  # fault 16
    path = annotation_file([(1, 2)], categories=('a', 'a', 'b'))
    with pytest.raises(AnnotationError, match=r"1 class names are used by several categories \(a\)"):
        check_annotations(path, ('a', 'b'))
    check_annotations(path, ('b', ))  # none of them is trained on
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b')), pipeline=[])
    assert dataset.get_data_info(0)['instances'][0]['bbox_label'] == 1  # which is 'b'
