"""VOC folders, compared with mmdet's XMLDataset on the same folder."""

import os
import re

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, VOCDataset, XMLDataset

from imbdet.annotations import AnnotationError, AnnotationWarning
from imbdet.annotations.formats import data_root, read_any

from .folders import SIZES, size_of, voc_object, write_image, write_text, write_voc

DOG = voc_object('dog', (3, 4, 20, 30))
EVERYTHING = {
    'a': DOG + voc_object('cat', (1, 1, 64, 48), '<difficult>1</difficult>') + voc_object('person', (5.7, 6.2, 30.9, 40.5)),
    'b': voc_object('person', (1, 2, 40, 80), '<difficult>0</difficult><part><name>head</name><bndbox><xmin>1</xmin>'
                                              '<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>'),
    'c': '', 'd': voc_object('dog', (0, 0.5, 20, 20))}


def read(path, part=None):
    return read_any(path, size_of, part)


def mmdet_boxes(dataset):
    """Of each image its name, size, and sorted boxes with names of their classes and whether they are ignored."""
    classes = dataset.metainfo['classes']
    return {os.path.basename(info['img_path']): (info['width'], info['height'], sorted(
        (classes[entry['bbox_label']], *map(float, entry['bbox']), entry['ignore_flag']) for entry in info['instances']))
        for info in map(dataset.get_data_info, range(len(dataset)))}


@pytest.mark.parametrize('size', [True, False])
def test_mmdet_trains_on_the_same_boxes(tmp_path, size, annotation_file):
    folder = write_voc(tmp_path / 'voc', EVERYTHING, size=size, lists={'train': 'abcd'})
    content = read(folder)
    classes = [category['name'] for category in content['categories']]
    common = {'pipeline': [], 'metainfo': {'classes': classes}, 'test_mode': True}
    theirs = XMLDataset(ann_file=str(folder / 'ImageSets/Main/train.txt'), data_prefix={'sub_data_root': str(folder)}, **common)
    written = annotation_file(**{key: content[key] for key in ('images', 'annotations', 'categories')})
    ours = CocoDataset(ann_file=str(written), data_prefix={'img': str(folder)}, **common)
    assert mmdet_boxes(ours) == mmdet_boxes(theirs)
    assert sum(len(boxes) for _, _, boxes in mmdet_boxes(theirs).values()) == 5
    assert all((data_root(folder) / image['file_name']).is_file() for image in content['images'])


def test_boxes_by_hand(tmp_path):
    content = read(write_voc(tmp_path, EVERYTHING))
    assert [category['name'] for category in content['categories']] == ['cat', 'dog', 'person']
    assert [image['file_name'] for image in content['images']] == [f'JPEGImages/{name}.jpg' for name in 'abcd']
    assert content['annotations'][0] == {'id': 1, 'image_id': 1, 'category_id': 2, 'bbox': [2, 3, 17, 26], 'area': 442,
                                         'iscrowd': 0}
    assert [entry['iscrowd'] for entry in content['annotations']] == [0, 1, 0, 0, 0]


def test_sorted_names_are_the_classes_of_voc(tmp_path):
    """So that labels are those of mmdet's VOCDataset."""
    classes = VOCDataset.METAINFO['classes']
    names = np.random.default_rng(0).permutation(classes)
    folder = write_voc(tmp_path, {'a': ''.join(voc_object(name, (1, 1, 9, 9)) for name in names)})
    assert [category['name'] for category in read(folder)['categories']] == list(classes)


def test_parts_have_the_same_classes(tmp_path):
    folder = write_voc(tmp_path, EVERYTHING, lists={'train': 'ba', 'val': 'c', 'dog_train': ['a  1', 'b -1'], 'empty': []})
    train, val = read(folder, 'train'), read(folder, 'val')
    assert train['categories'] == val['categories']
    assert [image['file_name'] for image in train['images']] == ['JPEGImages/b.jpg', 'JPEGImages/a.jpg']
    assert [image['id'] for image in train['images']] == [1, 2]
    assert val['annotations'] == []
    with pytest.raises(ValueError, match='several parts; choose one with --part: train, val'):
        read(folder)
    with pytest.raises(ValueError, match="no part 'test'; its parts are train, val"):
        read(folder, 'test')


def test_images_in_folders_and_of_other_formats(tmp_path):
    for name, suffix in (('x/a', '.png'), ('b', '.jpg'), ('b', '.png'), ('d', '.BMP')):
        write_image(tmp_path / f'JPEGImages/{name}{suffix}', SIZES[name[-1]])
        write_text(tmp_path / f'Annotations/{name}.xml', f'<annotation>{DOG}</annotation>')
    write_text(tmp_path / 'ImageSets/Main/all.txt', '\ufeffx/a\nd\n\nb')
    content = read(tmp_path)
    assert [image['file_name'] for image in content['images']] == ['JPEGImages/x/a.png', 'JPEGImages/d.BMP', 'JPEGImages/b.jpg']
    assert [(image['width'], image['height']) for image in content['images']] == [SIZES[name] for name in 'adb']


@pytest.mark.parametrize('size', ['<size><width>0</width><height>0</height></size>', '<size><width>64</width></size>',
                                  '<size><width>x</width><height>48</height></size>', '<size/>',
                                  '<size><width>64.0</width><height>48</height></size>'])
def test_sizes_that_are_missing_come_from_the_file(tmp_path, size):
    folder = write_voc(tmp_path, {'a': size}, size=False)
    image = read(folder)['images'][0]
    assert (image['width'], image['height']) == (64, 48)


@pytest.mark.parametrize(('text', 'message'), [
    ('<annotation>', 'a.xml is not XML: no element found'), ('', 'a.xml is not XML'),
    ('<annotation><object/></annotation>', 'a.xml: object 1 has no name'),
    (f'<annotation>{DOG}<object><name> </name></object></annotation>', 'a.xml: object 2 has no name'),
    ('<annotation><object><name>dog</name></object></annotation>', 'a.xml: object 1 (dog) has no number as xmin of its bndbox'),
    (f'<annotation>{voc_object("dog", (1, 2, 3, "x"))}</annotation>', 'has no number as ymax'),
    (f'<annotation>{voc_object("dog", (1, "nan", 3, 4))}</annotation>', 'has no number as ymin'),
    (f'<annotation>{voc_object("dog", (1, 2, "inf", 4))}</annotation>', 'has no number as xmax'),
    (f'<annotation>{voc_object("dog", (1, 2, 3, 4), "<difficult>maybe</difficult>")}</annotation>',
     "a.xml: object 1 (dog): difficult must be 0 or 1, got 'maybe'"),
    ('<?xml version="1.0" encoding="klingon"?><annotation/>', 'a.xml is not XML: unknown encoding: klingon')])
def test_wrong_label_files_are_named(tmp_path, text, message):
    folder = write_voc(tmp_path, {'a': '', 'b': DOG})
    write_text(folder / 'Annotations/a.xml', text)
    with pytest.raises(AnnotationError, match=re.escape(message)):
        read(folder)


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16'])
@pytest.mark.parametrize('entity', ['<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">', '<!ENTITY b SYSTEM "file:///etc/hostname">'])
def test_entities_are_refused(tmp_path, encoding, entity):
    folder = write_voc(tmp_path, {'a': ''})
    write_text(folder / 'Annotations/a.xml', f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE annotation [{entity}]>'
                                             f'<annotation>{voc_object("&b;", (1, 2, 3, 4))}</annotation>', encoding)
    with pytest.raises(AnnotationError, match=r"a\.xml: the document type 'annotation' is refused"):
        read(folder)


@pytest.mark.parametrize(('removed', 'listed', 'error', 'message'), [
    ('JPEGImages/a.jpg', 'ab', FileNotFoundError, r'Annotations/a\.xml has no image .*JPEGImages/a\.jpg'),
    ('Annotations/*', 'ab', AnnotationError, 'Annotations has no XML files'),
    (None, 'az', FileNotFoundError, r'train\.txt lists z, but there is no Annotations/z\.xml'),
    (None, 'aba', AnnotationError, r'train\.txt lists a twice')])
def test_faults_of_folders_are_named(tmp_path, removed, listed, error, message):
    folder = write_voc(tmp_path, {'a': DOG, 'b': DOG}, lists={'train': listed})
    for path in folder.glob(removed) if removed else ():
        os.remove(path)
    with pytest.raises(error, match=message):
        read(folder)


def test_several_images_of_a_name(tmp_path):
    folder = write_voc(tmp_path, {'a': DOG}, suffix='.png')
    write_image(folder / 'JPEGImages/a.bmp', SIZES['a'])
    with pytest.raises(AnnotationError, match=r'a\.xml has several images: .*a\.bmp, .*a\.png'):
        read(folder)


def test_images_without_labels_are_said(tmp_path):
    folder = write_voc(tmp_path, {'a': DOG})
    write_image(folder / 'JPEGImages/z.jpg', (9, 9))
    with pytest.warns(AnnotationWarning, match='1 images have no label file and are left out, such as z'):
        assert len(read(folder)['images']) == 1
