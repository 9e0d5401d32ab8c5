"""Checks of configs and built data sets against their annotation files."""

import json

import pytest
from mmdet.datasets import CocoDataset, ConcatDataset, Objects365V1Dataset, V3DetDataset
from mmdet.registry import TRANSFORMS

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


ORDERS = {'train': ('c', 'a', 'b'), 'val': ('b', 'c', 'a')}
IDS = {'a': 1, 'b': 2, 'c': 3}


def files_of_two_orders(annotation_file, kind, classes, orders=ORDERS):
    """A config whose files list the same categories in two orders, and the two paths."""
    paths = {name: annotation_file([(1, 1), (2, 2), (3, 3)], name=f'{name}.json',
                                   categories=[dict(id=IDS[letter], name=letter) for letter in order])
             for name, order in orders.items()}
    return paths, {f'{name}_dataloader': config(path, kind, metainfo=dict(classes=classes))['train_dataloader']
                   for name, path in paths.items()}


def labels(kind, path, classes):
    """Built: the class name that the config gives to the label of each category's box, by the category's name."""
    dataset = kind(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=classes), pipeline=[])
    names = {number: name for name, number in IDS.items()}
    return {names[category]: classes[label] for category, label in dataset.cat2label.items()}, dataset


def test_objects365_numbers_labels_by_id(annotation_file):  # fault 29
    """The order that is accepted is the one with which labels and names belong together; so is the order of the advice."""
    paths, cfg = files_of_two_orders(annotation_file, 'Objects365V1Dataset', ('a', 'b', 'c'))
    assert len(check_config(cfg, ('train_dataloader', 'val_dataloader'))) == 2
    for path in paths.values():
        of_labels, dataset = labels(Objects365V1Dataset, path, ('a', 'b', 'c'))
        assert all(name == in_config for name, in_config in of_labels.items())
        check_dataset_classes(dataset)
    for wrong in (ORDERS['train'], ORDERS['val']):
        _, cfg = files_of_two_orders(annotation_file, 'Objects365V1Dataset', wrong)
        with pytest.raises(AnnotationError, match=r"numbers labels by ascending category id.*write classes=\('a', 'b', 'c'\)"):
            check_config(cfg, ('train_dataloader', ))
        of_labels, dataset = labels(Objects365V1Dataset, paths['train'], wrong)
        assert any(name != in_config for name, in_config in of_labels.items())
        with pytest.raises(AnnotationError, match=r"write classes=\('a', 'b', 'c'\)"):
            check_dataset_classes(dataset)


@pytest.mark.parametrize('loaders', [('train_dataloader', 'val_dataloader'), ('val_dataloader', )])
def test_advice_holds_for_all_files_of_the_config(annotation_file, loaders):  # fault 29
    """No order of the classes fits both files: it is not advised to change it."""
    paths, cfg = files_of_two_orders(annotation_file, 'CocoDataset', ORDERS['train'])
    with pytest.raises(AnnotationError, match=r'val\.json: its categories are in another order \(b, c, a\) than those of '
                                              r'.*train\.json \(c, a, b\).*imbdet fix .*val\.json --categories-like'):
        check_config(cfg, loaders)
    of_labels, dataset = labels(CocoDataset, paths['val'], ORDERS['train'])
    assert of_labels != dict(zip('abc', 'abc', strict=True))
    with pytest.raises(AnnotationError, match=r"write classes=\('b', 'c', 'a'\)"):
        check_dataset_classes(dataset)


def test_advice_that_fits_both_files(annotation_file):
    same = dict.fromkeys(ORDERS, ('c', 'a', 'b'))
    _, cfg = files_of_two_orders(annotation_file, 'CocoDataset', ('a', 'b', 'c'), same)
    with pytest.raises(AnnotationError, match=r"write classes=\('c', 'a', 'b'\)"):
        check_config(cfg, ('train_dataloader', 'val_dataloader'))
    _, cfg = files_of_two_orders(annotation_file, 'CocoDataset', ('c', 'a', 'b'), same)
    assert len(check_config(cfg, ('train_dataloader', 'val_dataloader'))) == 2


def test_v3det_names_its_classes_in_a_file(annotation_file, tmp_path):  # fault 29
    path = annotation_file([(1, 1)])
    cfg = config(path, 'V3DetDataset', label_file='names.txt')
    with pytest.raises(FileNotFoundError, match=r'V3DetDataset reads the names of its classes from .*names\.txt'):
        check_config(cfg, ('train_dataloader', ))
    (tmp_path / 'names.txt').write_text('a\nc\nb\n')
    with pytest.raises(AnnotationError, match='another order'):
        check_config(cfg, ('train_dataloader', ))
    (tmp_path / 'names.txt').write_text('a\nb\nc\n')
    check_config(cfg, ('train_dataloader', ))
    dataset = V3DetDataset(ann_file=path.name, data_root=str(tmp_path), label_file='names.txt', pipeline=[],
                           data_prefix=dict(img=''))
    check_dataset_classes(dataset)


@pytest.mark.parametrize(('classes', 'difference'), [(('a', 'c'), "label 1 is 'b' and 'c'"), (('a', 'b'), '3 and 2 classes')])
def test_data_sets_of_different_classes(annotation_file, classes, difference):  # fault 27
    """The labels of a detector are those of its training, whatever the validation set calls them."""
    path = annotation_file([(1, 1)])
    cfg = {name: config(path, metainfo=dict(classes=names))['train_dataloader']
           for name, names in (('train_dataloader', ('a', 'b', 'c')), ('test_dataloader', classes))}
    with pytest.raises(AnnotationError, match=rf'train_dataloader \(.*and test_dataloader .*different classes \({difference}'):
        check_config(cfg, ('train_dataloader', ))
    check_config({**cfg, 'model': dict(type='GroundingDINO', language_model=dict(type='BertModel'))}, ('train_dataloader', ))


POLYGON = [10, 10, 30, 10, 30, 30]
WITH_MASKS = [dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]


@pytest.mark.parametrize(('mask', 'in_mmdet'), [(None, KeyError), ([[float('nan'), *POLYGON[1:]]], None), ([POLYGON], None),
                                                ([POLYGON[:4]], None)])
def test_masks_of_a_config_that_loads_them(annotation_file, mask, in_mmdet):  # fault 32
    """mmdet fails on a missing mask when its image is loaded, and ignores a line."""
    path = annotation_file([dict(segmentation=[POLYGON]), dict(segmentation=mask)])
    cfg = config(path, metainfo=dict(classes=('a', 'b', 'c')), pipeline=WITH_MASKS)
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=('a', 'b', 'c')), pipeline=[])
    info = {**dataset.get_data_info(0), 'ori_shape': (100, 100)}
    load = TRANSFORMS.build(WITH_MASKS[0])
    if in_mmdet is not None:
        with pytest.raises(in_mmdet, match='mask'):
            load(info)
    if mask in ([POLYGON], [POLYGON[:4]]):
        (report, ) = check_config(cfg, ('train_dataloader', ))
        assert list(report.dropped.values()) == ([[2]] if mask != [POLYGON] else [])
        assert load(info)['gt_ignore_flags'].tolist() == [False, mask != [POLYGON]]
        return
    with pytest.raises(AnnotationError, match=r'1 of 2 annotations have .* \(annotation ids 2\)'):
        check_config(cfg, ('train_dataloader', ))
    cfg['train_dataloader']['dataset']['pipeline'] = [dict(type='LoadAnnotations', with_bbox=True)]
    check_config(cfg, ('train_dataloader', ))


class OwnLabels(CocoDataset):
    """Numbers the labels in the order of the config."""

    def load_data_list(self):
        infos = super().load_data_list()
        names = {number: name for name, number in IDS.items()}
        old = {label: category for category, label in self.cat2label.items()}
        self.cat2label = {category: self.metainfo['classes'].index(names[category]) for category in self.cat_ids}
        for info in infos:
            for instance in info['instances']:
                instance['bbox_label'] = self.cat2label[old[instance['bbox_label']]]
        return infos


class WrongLabels(CocoDataset):
    """Numbers the labels from the last to the first, and leaves ``cat_ids`` as they are."""

    def load_data_list(self):
        infos = super().load_data_list()
        self.cat2label = {category: len(self.cat_ids) - 1 - label for category, label in self.cat2label.items()}
        return infos


def test_subclasses_that_number_labels_themselves(annotation_file):
    """What counts is the mapping that the data set made."""
    paths, _ = files_of_two_orders(annotation_file, 'CocoDataset', ('a', 'b', 'c'))
    cfg = config(paths['train'], metainfo=dict(classes=('a', 'b', 'c')))
    for kind, is_right in ((OwnLabels, True), (WrongLabels, False)):
        cfg['train_dataloader']['dataset']['type'] = kind
        check_config(cfg, ('train_dataloader', ))
        _, dataset = labels(kind, paths['train'], ('a', 'b', 'c'))
        if is_right:
            check_dataset_classes(dataset)
        else:
            with pytest.raises(AnnotationError, match='another order'):
                check_dataset_classes(dataset)


def test_categories_that_the_config_leaves_out_are_counted(annotation_file):
    path = annotation_file([(1, 1), (1, 2), (2, 3), (2, 3)])
    (report, ) = check_config(config(path, metainfo=dict(classes=('a', 'b'))), ('train_dataloader', ))
    assert list(report.dropped.values()) == [[3, 4]]
    assert '2 of 4 annotations are of 1 categories that the classes of the config leave out (c)' in report.lines()[0]
