"""YOLO data sets, compared with what the format's description says, written out by hand."""

import os
import re
import warnings

import pytest
from pycocotools import mask as coco_masks

from imbdet.annotations import AnnotationError, AnnotationWarning
from imbdet.annotations.formats import data_root, read_any

from .folders import SIZES, size_of, write_image, write_text, write_yolo


def read(path, part=None):
    return read_any(path, size_of, part)


def test_boxes_polygons_and_images_without_objects(tmp_path):
    path = write_yolo(tmp_path, {'a': '1 0.5 0.25 0.5 0.5\n0 0.25 0.5 0.125 0.25\n', 'b': '', 'c': None,
                                 'd': '0 0.1 0.1 0.6 0.1 0.6 0.9'})
    content = read(path)
    assert content['images'] == [
        {'id': number, 'file_name': f'images/train/{name}.png', 'width': SIZES[name][0], 'height': SIZES[name][1]}
        for number, name in enumerate('abcd', start=1)]
    assert content['categories'] == [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}]
    box, other, polygon = content['annotations']
    # Image a is 64 x 48.
    assert box == {'id': 1, 'image_id': 1, 'category_id': 2, 'bbox': [16, 0, 32, 24], 'area': 768, 'iscrowd': 0}
    assert other == {'id': 2, 'image_id': 1, 'category_id': 1, 'bbox': [12, 18, 8, 12], 'area': 96, 'iscrowd': 0}
    # Image d is 20 x 20: a right triangle.
    assert polygon['image_id'] == 4
    assert polygon['bbox'] == pytest.approx([2, 2, 10, 16])
    assert polygon['segmentation'][0] == pytest.approx([2, 2, 12, 2, 12, 18])
    assert polygon['area'] == pytest.approx(80)


def test_areas_are_those_of_the_masks(tmp_path):
    """Pixels of pycocotools' mask, at a size where pixels are small."""
    line = '0 0.1 0.2 0.7 0.1 0.9 0.8 0.5 0.4 0.2 0.9'
    write_image(tmp_path / 'images' / 'big.png', (1000, 800))
    write_text(tmp_path / 'labels' / 'big.txt', line)
    write_text(tmp_path / 'classes.txt', 'cat\n')
    entry = read(tmp_path)['annotations'][0]
    mask = coco_masks.merge(coco_masks.frPyObjects(entry['segmentation'], 800, 1000))
    assert entry['area'] == pytest.approx(coco_masks.area(mask), rel=0.01)
    assert entry['bbox'] == pytest.approx(coco_masks.toBbox(mask), abs=1)


def test_a_polygon_whose_loops_cancel_out_has_the_area_of_its_box(tmp_path):
    path = write_yolo(tmp_path, {'d': '0 0.1 0.1 0.9 0.9 0.9 0.1 0.1 0.9'})
    assert read(path)['annotations'][0]['area'] == pytest.approx(256)


@pytest.mark.parametrize('text', ['\ufeff0 .5 .5 .5 .5', '0.0  0.5\t0.5 0.5 0.5\r\n\r\n', '  0 5e-1 0.5 0.5 0.5'])
def test_spellings_of_a_line(tmp_path, text):
    content = read(write_yolo(tmp_path, {'d': text}))
    assert [entry['bbox'] for entry in content['annotations']] == [[5, 5, 10, 10]]


def test_equal_lines_are_read_once_and_that_is_said(tmp_path):
    path = write_yolo(tmp_path, {'a': '0 .5 .5 .5 .5\n1 .5 .5 .5 .5\n0 .5 .5 .50 .5\n', 'b': '0 .5 .5 .5 .5'})
    with pytest.warns(AnnotationWarning, match=r'1 label lines repeat an earlier one .*labels/train/a\.txt, line 3'):
        content = read(path)
    assert [(entry['image_id'], entry['category_id']) for entry in content['annotations']] == [(1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize(('line', 'message'), [
    ('2 .5 .5 .5 .5', 'class must be a whole number in [0, 1], as there are 2 names, got 2'),
    ('-1 .5 .5 .5 .5', 'got -1'), ('0.5 .5 .5 .5 .5', 'got 0.5'), ('nan .5 .5 .5 .5', 'got nan'),
    ('0 .5 .5 .5', 'got 4 values'), ('0 .5 .5 .5 .5 .9', '6 values, as in predictions'),
    ('0 .1 .1 .6 .1 .6 .9 .2', 'got 8 values'), ('cat .5 .5 .5 .5', "could not convert string to float: 'cat'"),
    ('0 .5 nan .5 .5', 'coordinates must be fractions of the image in [0, 1], got nan'),
    ('0 .5 inf .5 .5', 'got inf'), ('0 320 240 64 48', 'got 320'), ('0 -.1 .5 .5 .5', 'got -0.1'),
    ('0 .5 .5 -.005 .5', 'width and height must not be negative, got -0.005')])
def test_wrong_lines_are_named(tmp_path, line, message):
    path = write_yolo(tmp_path, {'a': '', 'b': f'0 .5 .5 .5 .5\n{line}\n'})
    with pytest.raises(AnnotationError, match=rf'labels/train/b\.txt, line 2: .*{re.escape(message)}'):
        read(path)


def test_rounding_beyond_the_edge_is_no_error(tmp_path):
    path = write_yolo(tmp_path, {'d': '0 1.0005 .5 .5 .5'})
    assert read(path)['annotations'][0]['bbox'] == pytest.approx([15.01, 5, 10, 10])


def test_a_label_file_that_is_no_text(tmp_path):
    path = write_yolo(tmp_path, {'a': ''})
    (tmp_path / 'labels/train/a.txt').write_bytes(b'\xff\xfe\x00\x81')
    with pytest.raises(AnnotationError, match=r'a\.txt is not a text file'):
        read(path)


def test_parts_of_a_yaml(tmp_path):
    """A folder, a list of folders and a text file of images; names as a list."""
    for name in 'abcd':
        write_image(tmp_path / 'set/images' / name / f'{name}.PNG', SIZES[name])
        write_text(tmp_path / 'set/labels' / name / f'{name}.txt', '0 .5 .5 .5 .5')
    write_text(tmp_path / 'set/list.txt', f'./images/d/d.PNG\n\n{tmp_path}/set/images/a/a.PNG\n')
    path = tmp_path / 'of_set.yaml'
    write_text(path, 'path: set\ntrain: images/a\nval: [images/c, images/b]\ntest: list.txt\nnames: [1, x]\nnc: 2')
    for part, names in (('train', 'a'), ('val', 'cb'), ('test', 'da')):
        content = read(path, part)
        assert [image['file_name'] for image in content['images']] == [f'images/{name}/{name}.PNG' for name in names]
        assert all((data_root(path) / image['file_name']).is_file() for image in content['images'])
        assert [category['name'] for category in content['categories']] == ['1', 'x']
    with pytest.raises(ValueError, match='several parts; choose one with --part: train, val, test'):
        read(path)
    with pytest.raises(ValueError, match="no part 'valid'; its parts are train, val, test"):
        read(path, 'valid')
    assert read(tmp_path / 'of_set.yaml', 'train') == read(tmp_path, 'train')


@pytest.mark.parametrize('lines', ['path: ../datasets/elsewhere\ntrain: images/train', 'train: ../images/train',
                                   'path:\ntrain: images/train', 'train: images/train\nval:\ntest: []'])
def test_paths_as_downloads_have_them(tmp_path, lines):
    write_yolo(tmp_path / 'set', {'a': '0 .5 .5 .5 .5'})
    write_text(tmp_path / 'set/data.yaml', lines + '\nnames: [cat]')
    assert [image['file_name'] for image in read(tmp_path / 'set')['images']] == ['images/train/a.png']


def test_only_the_last_images_folder_becomes_labels(tmp_path):
    path = write_yolo(tmp_path / 'images' / 'set', {'a': '0 .5 .5 .5 .5'})
    assert len(read(path)['annotations']) == 1


def test_labels_beside_the_images(tmp_path):
    write_image(tmp_path / 'photos/a.png', SIZES['a'])
    write_text(tmp_path / 'photos/a.txt', '0 .5 .5 .5 .5')
    write_text(tmp_path / 'photos/readme.txt', 'Photos')
    write_text(tmp_path / 'data.yaml', 'train: photos\nnames: [cat]')
    assert len(read(tmp_path)['annotations']) == 1


def test_called_from_inside_the_data_set(tmp_path, monkeypatch):
    write_yolo(tmp_path, {'a': '0 .5 .5 .5 .5'})
    expected = read(tmp_path)
    for folder, path in (('.', 'data.yaml'), ('.', '.'), ('images', '../data.yaml')):
        monkeypatch.chdir(tmp_path / folder)
        assert read(path) == expected


def test_called_from_a_folder_named_images(tmp_path, monkeypatch):
    """Its name is not in the relative paths, but it is the one to replace."""
    write_image(tmp_path / 'images/a/a.png', SIZES['a'])
    write_text(tmp_path / 'labels/a/a.txt', '0 .5 .5 .5 .5')
    write_text(tmp_path / 'images/data.yaml', 'train: a\nnames: [cat]')
    monkeypatch.chdir(tmp_path / 'images')
    assert len(read('data.yaml')['annotations']) == 1


def test_folders_without_a_yaml(tmp_path):
    write_yolo(tmp_path, {'a': '0 .5 .5 .5 .5'})
    write_yolo(tmp_path, {'b': '1 .5 .5 .5 .5'}, part='val')
    os.remove(tmp_path / 'data.yaml')
    with pytest.raises(AnnotationError, match='no class names; write them to .*classes.txt'):
        read(tmp_path, 'val')
    write_text(tmp_path / 'labels/classes.txt', 'cat\ndog\n\n')
    content = read(tmp_path, 'val')
    assert [image['file_name'] for image in content['images']] == ['images/val/b.png']
    assert [category['name'] for category in content['categories']] == ['cat', 'dog']
    with pytest.raises(ValueError, match='choose one with --part: train, val'):
        read(tmp_path)
    write_image(tmp_path / 'images/c.png', SIZES['c'])  # images beside the folders: not divided
    assert len(read(tmp_path)['images']) == 3
    with pytest.raises(ValueError, match="no part 'val'; leave --part out"):
        read(tmp_path, 'val')


@pytest.mark.parametrize(('text', 'message'), [
    ('train: images/train', 'names must list the names of the classes, got None'),
    ('train: images/train\nnames: []', 'got []'), ('train: images/train\nnames: cat', "got 'cat'"),
    ('train: images/train\nnames: {0: a, 2: b}', 'keys of names must be 0 to 1, got [0, 2]'),
    ('train: images/train\nnames: [yes, a]', 'class name True must be text; put it into quotes'),
    ('train: images/train\nnames: [a, ~]', 'class name None must be text'),
    ('train: images/train\nnames: [a, b]\nnc: 3', 'nc is 3, but there are 2 names'),
    ('names: [a, b]', 'must name folders of images as train, val, test'), ('- a', 'must name folders of images'),
    ('train: {a: b}\nnames: [a]', "train must be a path or a list of paths, got {'a': 'b'}"),
    ('train: images/train\nkpt_shape: [17, 3]\nnames: [a]', 'keypoints (kpt_shape)'), ('a: [', 'is not YAML'),
    ('!!python/object/apply:os.system [echo]', 'is not YAML')])
def test_wrong_yaml_files_are_named(tmp_path, text, message):
    path = write_yolo(tmp_path, {'a': ''})
    write_text(path, text)
    with pytest.raises(AnnotationError, match=f'{re.escape(str(path))}.*{re.escape(message)}'):
        read(path)


@pytest.mark.parametrize(('yaml', 'error', 'message'), [
    ('train: images/val', FileNotFoundError, 'no such folder of images or .txt list of images: .*images/val'),
    ('train: labels', AnnotationError, 'no images in .*labels'),
    ('train: [images/train, images]', AnnotationError, r'image .*a\.png is listed twice'),
    ('train: images/bare', AnnotationError,
     r'none of the 1 images has a label file; that of .*c\.png would be .*labels/bare/c\.txt'),
    ('train: images/lost', AnnotationError, r'labels/lost/x\.txt has no image in .*images/lost')])
def test_faults_of_folders_are_named(tmp_path, yaml, error, message):
    write_yolo(tmp_path, {'a': '0 .5 .5 .5 .5'})
    write_yolo(tmp_path, {'c': None}, part='bare')
    write_yolo(tmp_path, {'d': ''}, part='lost')
    write_text(tmp_path / 'labels/lost/x.txt', '0 .5 .5 .5 .5')
    write_text(tmp_path / 'data.yaml', yaml + '\nnames: [cat]')
    with pytest.raises(error, match=message):
        read(tmp_path)


def test_several_yaml_files(tmp_path):
    path = write_yolo(tmp_path, {'a': '0 .5 .5 .5 .5'})
    write_text(tmp_path / 'augmentation.yml', 'flip: 0.5')
    assert len(read(tmp_path)['images']) == 1
    path.rename(tmp_path / 'cats.yaml')
    with pytest.raises(AnnotationError, match=r'several YAML files; give one of them: augmentation\.yml, cats\.yaml'):
        read(tmp_path)
    assert len(read(tmp_path / 'cats.yaml')['images']) == 1


def test_a_list_with_an_image_that_is_missing(tmp_path):
    write_yolo(tmp_path, {'a': ''})
    write_text(tmp_path / 'data.yaml', 'train: lists/train.txt\nnames: [cat]')
    write_text(tmp_path / 'lists/train.txt', 'images/train/a.png\nimages/train/z.png\n')
    with pytest.raises(FileNotFoundError, match=r'lists/train\.txt, line 2: image images/train/z\.png is neither in'):
        read(tmp_path)


def test_files_that_are_no_images_are_left_out_without_a_word(tmp_path):
    path = write_yolo(tmp_path, {'a': ''}, suffix='.webp')
    write_text(tmp_path / 'images/train/Thumbs.db', '')
    write_text(tmp_path / 'images/train/._a.webp', '')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert len(read(path)['images']) == 1
