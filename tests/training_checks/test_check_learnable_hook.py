"""Trainings in which nothing can be learned end before their first iteration, with the key to write."""

import json

import pytest
from mmdet.datasets import XMLDataset
from mmdet.registry import MODELS
from PIL import Image

from imbdet.training_checks.learnable import absent_classes, check_head_classes

from ..annotations.formats.folders import write_voc
from ..tiny_detectors import DETECTORS, tiny_detector
from ..tiny_training import make_runner, write_training_set

THREE, FOUR = ('a', 'b', 'c'), ('a', 'b', 'c', 'd')


@pytest.fixture
def train(tmp_path):
    """A function that trains for an iteration on a set whose annotations were changed; a refusal comes before it."""
    write_training_set(tmp_path, num_images=4)

    def run(model=None, change=None, **keys):
        content = json.loads((tmp_path / 'train.json').read_text())
        for box in content['annotations']:
            box.update({} if change is None else change(box))
        (tmp_path / 'train.json').write_text(json.dumps(content))
        runner = make_runner(tmp_path, model or tiny_detector('retinanet'), max_iters=1, **keys)
        try:
            runner.train()
        except ValueError:
            assert runner.iter == 0
            raise
        assert runner.iter == 1

    return run


@pytest.mark.parametrize('name', DETECTORS)
def test_every_detector_fits_its_classes_and_no_others(name):
    detector = MODELS.build(tiny_detector(name))
    check_head_classes(detector, THREE)
    if name == 'rpn':
        check_head_classes(detector, FOUR)
        return
    with pytest.raises(ValueError, match=r'model\.(roi_head\.)?bbox_head(\.0)? has num_classes=3, but the data set has 4 '
                                         r'classes \(a, b, c, d\); set num_classes=4'):
        check_head_classes(detector, FOUR)


def test_things_of_a_panoptic_data_set():
    """Panoptic FPN's box head has the things alone, MaskFormer's head all classes."""
    detector = MODELS.build(tiny_detector('faster-rcnn'))
    check_head_classes(detector, FOUR, THREE)
    with pytest.raises(ValueError, match='num_classes=3'):
        check_head_classes(detector, FOUR, ('a', 'b'))


@pytest.mark.parametrize('number', [2, 80])
def test_head_of_other_classes(train, number):  # fault 27
    model = tiny_detector('retinanet')
    model.bbox_head.num_classes = number
    with pytest.raises(ValueError, match=rf'model\.bbox_head has num_classes={number}, but the data set has 3 classes'):
        train(model)


@pytest.mark.parametrize(('part', 'number'), [('mask_head', 2), ('mask_head', 80), ('bbox_head.loss_cls', 1203)])
def test_mask_heads_and_losses_that_count_classes(part, number):  # fault 27
    model = tiny_detector('mask-rcnn')
    if part == 'mask_head':
        model.roi_head.mask_head.num_classes = number
    else:
        model.roi_head.bbox_head.loss_cls = dict(type='EQLV2Loss', num_classes=number)
    with pytest.raises(ValueError, match=rf'model\.roi_head\.{part} has num_classes={number}, but the data set has 3'):
        check_head_classes(MODELS.build(model), THREE)
    if part == 'mask_head':
        model.roi_head.mask_head.class_agnostic = True
        check_head_classes(MODELS.build(model), THREE)


def test_labels_of_other_names_than_in_the_file(train, tmp_path):
    content = json.loads((tmp_path / 'train.json').read_text())
    content['categories'].reverse()
    (tmp_path / 'train.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"another order than the categories.*write classes=\('c', 'b', 'a'\)"):
        train()


def test_images_of_another_size_are_told(train, tmp_path):  # fault 31
    Image.new('RGB', (64, 48)).save(tmp_path / 'images/2.png')
    train(log_level='INFO')
    logs = ''.join(path.read_text() for path in tmp_path.glob('work/*/*.log'))
    assert f'1 of 4 images that were looked at have another size than their annotations (first: {tmp_path}/images/2.png is ' \
           '64 x 48, in the annotations 128 x 96)' in logs


def test_nothing_but_crowds(train):  # fault 27
    with pytest.raises(ValueError, match=r'train\.json: none of the 4 training images has an object to learn from: all 12 '
                                         'boxes are crowd or ignored'):
        train(change=lambda box: dict(iscrowd=1))


def test_nothing_but_boxes_that_mmdet_drops(train):  # fault 27
    with pytest.raises(ValueError, match=r'train\.json: none of the 4 training images .*: no box is left of the annotations'):
        train(change=lambda box: dict(bbox=[value / 128 for value in box['bbox']]))


def test_one_object_is_enough(train):
    train(change=lambda box: dict(iscrowd=int(box['id'] != 7)))


def test_fewer_images_than_a_batch(train, tmp_path):  # fault 27
    loader = make_runner(tmp_path, tiny_detector('retinanet')).cfg.train_dataloader
    with pytest.raises(ValueError, match=r'an epoch has no batch: 4 training images are fewer than .*batch_size=5 on each'):
        train(train_dataloader=dict(loader, batch_size=5, drop_last=True))


def test_validation_with_another_head(tmp_path):
    write_training_set(tmp_path, num_images=2)
    model = tiny_detector('retinanet')
    model.bbox_head.num_classes = 5
    loader = make_runner(tmp_path, tiny_detector('retinanet')).cfg.train_dataloader
    runner = make_runner(tmp_path, model, val_dataloader=loader, val_cfg=dict(type='ValLoop'),
                         val_evaluator=dict(type='CocoMetric', ann_file=str(tmp_path / 'train.json')))
    with pytest.raises(ValueError, match=r'model\.bbox_head has num_classes=5'):
        runner.val()


def test_a_misspelled_class_of_a_voc_folder(tmp_path):
    """mmdet leaves out its boxes without a word."""
    box = '<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>40</xmax><ymax>40</ymax></bndbox>'
    objects = {'a': f'<object><name>cat</name>{box}</object>', 'b': f'<object><name>dog</name>{box}</object>'}
    write_voc(tmp_path, objects, lists={'train': ['a', 'b']})
    keys = dict(ann_file='ImageSets/Main/train.txt', data_root=str(tmp_path), data_prefix=dict(sub_data_root=''), pipeline=[])
    assert absent_classes(XMLDataset(metainfo=dict(classes=('cat', 'dog')), **keys)) is None
    assert absent_classes(XMLDataset(metainfo=dict(classes=('cat', 'dgo')), **keys)) == (
        '1 of the 2 classes of the XMLDataset have no object in the training images (dgo): they are misspelled in metainfo, or '
        'cannot be learned')
