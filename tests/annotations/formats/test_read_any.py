"""Which reader reads what, and the check after it."""

import json

import pytest

from imbdet.annotations import AnnotationError
from imbdet.annotations.formats import data_root, read_any, read_checked

from .folders import size_of, voc_object, write_voc, write_yolo


def no_size(path):
    raise AssertionError('an annotation file has its own sizes')


def test_an_annotation_file_is_read_as_it_is(annotation_file):
    path = annotation_file([(1, 1), {'category_id': 2, 'segmentation': [[1, 2, 3, 4, 5, 6]], 'mine': None, 'bbox': [1, 2, 3]}],
                           info={'year': 2007})
    assert read_any(path, no_size) == json.loads(path.read_text())
    assert read_any(str(path), no_size) == json.loads(path.read_text())
    assert data_root(path) is None


def test_a_part_of_an_annotation_file(annotation_file):
    with pytest.raises(ValueError, match=r'train\.json has no parts; leave --part out'):
        read_any(annotation_file(), no_size, 'train')


@pytest.mark.parametrize('function', [lambda path: read_any(path, no_size), data_root])
def test_what_is_no_data_set(tmp_path, function):
    (tmp_path / 'Annotations').mkdir()
    (tmp_path / 'images').mkdir()
    with pytest.raises(AnnotationError, match='must be an annotation file in JSON, a YOLO data set .* or a VOC folder'):
        function(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'no such file or folder: .*none\.yaml'):
        function(tmp_path / 'none.yaml')


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='none'):
        read_any(tmp_path / 'none', no_size)


@pytest.mark.parametrize('write', [
    lambda folder: write_yolo(folder, {'a': '0 .5 .5 .5 .5\n1 .1 .1 .5 .1 .5 .5', 'b': ''}),
    lambda folder: write_voc(folder, {'a': voc_object('dog', (1, 2, 30, 40)), 'b': voc_object('cat', (2, 2, 9, 9))})])
def test_folders_pass_the_checks(tmp_path, write):
    content, typed, report = read_checked(write(tmp_path / 'set'), size_of)
    assert report.lines() == []
    assert [image.file_name for image in typed.images] == [image['file_name'] for image in content['images']]
    assert [entry.bbox for entry in typed.annotations] == [entry['bbox'] for entry in content['annotations']]
    json.dumps(content, allow_nan=False)


def test_a_faulty_file_is_sent_to_fix(annotation_file):
    path = annotation_file([{'id': 7}, {'id': 7}])
    with pytest.raises(AnnotationError, match=r'annotation ids are not unique \(7\).*; or run imbdet fix .*train\.json'):
        read_checked(path, no_size)
    path = annotation_file([{'category_id': 'cat'}])
    with pytest.raises(AnnotationError, match=r'train\.json: .*category_id.*; run imbdet fix .*train\.json'):
        read_checked(path, no_size)


def test_checks_leave_the_content_as_it_is(annotation_file):
    path = annotation_file([{'id': 1.0, 'image_id': 1.0, 'bbox': [0, 0, 0.5, 9]}])
    content, typed, report = read_checked(path, no_size)
    assert content == json.loads(path.read_text())
    assert isinstance(content['annotations'][0]['id'], float)
    assert isinstance(typed.annotations[0].id, int)
    assert list(report.dropped.values()) == [[1]]
