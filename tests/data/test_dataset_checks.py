"""Checks of configs and built data sets against their annotation files."""

import json

import pytest
from mmdet.datasets import CocoDataset, ConcatDataset

from imbdet.annotations import AnnotationError
from imbdet.classes import class_names
from imbdet.data import check_config, check_dataset_classes


def config(path, kind='CocoDataset', **keys):
    return {'train_dataloader': {'dataset': {'type': kind, 'ann_file': path.name, 'data_root': str(path.parent), **keys}}}


def test_config_of_a_sound_file(annotation_file):
    path = annotation_file([(1, 1), (1, 9)])
    reports = check_config(config(path, metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', 'val_dataloader'))
    assert [report.path for report in reports] == [path]
    assert len(reports[0].lines()) == 1


def test_config_through_wrappers(annotation_file):
    path = annotation_file([(1, 1)])
    inner = config(path, metainfo=dict(classes=('a', 'x')))['train_dataloader']['dataset']
    wrapped = {'type': 'RepeatDataset', 'times': 2, 'dataset': {'type': 'ConcatDataset', 'datasets': [inner]}}
    with pytest.raises(AnnotationError, match="'x'"):
        check_config({'train_dataloader': {'dataset': wrapped}}, ('train_dataloader', ))


def test_missing_file(annotation_file):
    path = annotation_file()
    with pytest.raises(FileNotFoundError, match=r'other\.json'):
        check_config(config(path, ann_file='other.json'), ('train_dataloader', ))


@pytest.mark.parametrize(('metainfo', 'message'), [
    ({}, 'the config names no classes'),
    (dict(CLASSES=('a', 'b', 'c')), "metainfo has the key 'CLASSES', which mmdet 3 does not read"),
    (dict(palette=[]), 'the config names no classes')])
def test_classes_that_the_config_does_not_name(annotation_file, metainfo, message):  # fault 16
    path = annotation_file([(1, 1)])
    with pytest.raises(AnnotationError, match=rf"{message}.*the 80 default classes of CocoDataset count \(person, .*write "
                                              r"metainfo=dict\(classes=\('a', 'b', 'c'\)\)"):
        check_config(config(path, metainfo=metainfo), ('train_dataloader', ))


def test_default_classes_that_the_file_has(annotation_file):
    check_config(config(annotation_file(categories=CocoDataset.METAINFO['classes'])), ('train_dataloader', ))


def test_lvis_data_sets_take_the_whole_file(annotation_file):  # fault 17
    path = annotation_file([(1, 1)], image_keys=dict(coco_url='x.jpg'))
    for metainfo in ({}, dict(classes=('a', )), dict(classes=('a', 'c', 'b'))):
        with pytest.raises(AnnotationError, match="always uses all 3 categories of the file.*CocoDataset"):
            check_config(config(path, 'LVISV1Dataset', metainfo=metainfo), ('train_dataloader', ))
    check_config(config(path, 'LVISV1Dataset', metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', ))


def test_lvis_data_sets_need_coco_url(annotation_file):  # fault 17
    path = annotation_file([(1, 1)])
    with pytest.raises(AnnotationError, match="no 'coco_url'.*CocoDataset"):
        check_config(config(path, 'LVISV1Dataset', metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', ))


def test_other_formats_are_left_alone(tmp_path):
    assert check_config(config(tmp_path / 'none.txt', 'VOCDataset'), ('train_dataloader', )) == []
    remote = {'train_dataloader': {'dataset': dict(type='CocoDataset', ann_file='s3://bucket/train.json')}}
    assert check_config(remote, ('train_dataloader', )) == []
    assert check_config({'val_dataloader': None}, ('train_dataloader', 'val_dataloader')) == []


def test_mmdet_shifts_labels_by_a_typo_and_we_name_it(annotation_file):  # fault 16
    path = annotation_file([(1, 3)])
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'bb', 'c')), pipeline=[])
    assert dataset.get_data_info(0)['instances'][0]['bbox_label'] == 1  # which is 'bb', not 'c'
    with pytest.raises(AnnotationError, match="class 'bb'"):
        check_dataset_classes(dataset)
    with pytest.raises(AnnotationError, match="class 'bb'"):
        check_dataset_classes(ConcatDataset([dataset]))


def test_class_names_of_a_data_set_without(annotation_file):
    path = annotation_file([(1, 1)])
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=()), pipeline=[])
    with pytest.raises(ValueError, match='no class names'):
        class_names(dataset)


def test_files_are_read_once_each(digits):
    path = digits / 'annotations/digits_longtail_val.json'
    classes = tuple(category['name'] for category in json.loads(path.read_text())['categories'])
    cfg = config(path, metainfo=dict(classes=classes))
    cfg['val_dataloader'] = cfg['train_dataloader']
    assert len(check_config(cfg, ('train_dataloader', 'val_dataloader'))) == 1


@pytest.mark.parametrize('kind', ['CocoDataset', 'LVISV05Dataset'])
def test_other_data_sets_need_file_name(annotation_file, kind):  # fault 17
    """LVIS v1's own files have none."""
    path = annotation_file([(1, 1)], image_keys=dict(file_name=None, coco_url='x.jpg'))
    with pytest.raises(AnnotationError, match="no 'file_name', which CocoDataset .* use type='LVISV1Dataset'"):
        check_config(config(path, kind, metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', ))
    check_config(config(path, 'LVISV1Dataset', metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', ))
    path = annotation_file([(1, 1)], image_keys=dict(file_name=None))
    with pytest.raises(AnnotationError, match="no 'file_name'.* add it to the file"):
        check_config(config(path, kind, metainfo=dict(classes=('a', 'b', 'c'))), ('train_dataloader', ))
