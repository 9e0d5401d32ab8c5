"""``imbdet doctor CONFIG`` on a sound config, and on configs with one fault each."""

import json
import re
import shutil

import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from PIL import Image

from imbdet.cli import main
from imbdet.cli.doctor_metrics import predicts_only_boxes
from imbdet.cli.doctor_model import check_weights
from imbdet.cli.doctor_pipeline import load_images
from imbdet.cli.doctor_schedule import check_schedule

from ..tiny_detectors import HEAD, tiny_detector
from ..tiny_training import training_config, write_training_set


@pytest.fixture
def folder(tmp_path):
    """A training set and a validation set of other images."""
    for name, seed in (('', 0), ('val', 1)):
        write_training_set(tmp_path / name, num_images=4, num_boxes=9, seed=seed)
    return tmp_path


@pytest.fixture
def config(folder):
    """A config of the two sets."""
    config = training_config(folder, tiny_detector('retinanet'))
    config.val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
        config.train_dataloader.dataset, data_root=str(folder / 'val'), test_mode=True))
    config.val_evaluator = dict(type='LongTailMetric', style='coco', ann_file=str(folder / 'val/train.json'),
                                train_ann_file=str(folder / 'train.json'))
    config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    config.val_cfg, config.test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
    config.train_dataloader.sampler = dict(type='RepeatFactorSampler', threshold=0.5)
    return config


@pytest.fixture
def examine(folder, capsys):
    """A function that examines a config: the exit code, and the texts of each level by what was checked."""

    def run(config):
        config.dump(folder / 'config.py')
        code = 0
        try:
            main(['doctor', str(folder / 'config.py')])
        except SystemExit as error:
            code = error.code
        found = {}
        for line in capsys.readouterr().out.splitlines():
            level = next((level for level in ('ok', 'warning', 'error', 'not checked') if line.startswith(f'{level} ')), None)
            if level is not None and not line.startswith('not checked  '):
                check, _, text = line[12:].partition(': ')
                found.setdefault(level, {})[check] = text
        return code, found

    return run


def test_a_sound_config(config, examine, folder):
    config.custom_hooks = [dict(type='DetVisualizationHook', priority='LOW')]
    model = MODELS.build(config.model)
    torch.save({'state_dict': {f'module.{name}': value for name, value in model.state_dict().items()}}, folder / 'wrapped.pth')
    layers = len({name.rpartition('.')[0] for name, _ in model.named_parameters()})
    config.load_from = str(folder / 'wrapped.pth')
    code, found = examine(config)
    assert (code, set(found)) == (0, {'ok'})
    assert found['ok'] == {
        'training annotations': f'{folder}/train.json: mmdet takes all annotations',
        'training data': '4 images',
        'validation annotations': f'{folder}/val/train.json: mmdet takes all annotations',
        'validation data': '4 images',
        'test data': 'the same as the validation data',
        'detector': 'its heads have the classes of the data',
        'training images': 'all 4 files exist; of a few, the size is that of the annotations (CheckImagesHook reads all)',
        'training pipeline': 'the first image passes through it',
        'training classes': 'each of the 3 has objects in 3 to 4 images',
        'validation images': 'none of them is trained on',
        'validation pipeline': 'the first image passes through it',
        'validation classes': 'each of the 3 has objects in 4 to 4 images',
        'batches': 'RepeatFactorSampler: an epoch has 2 batches on one process',
        'validation metric': f'LongTailMetric evaluates 4 of the 4 images of {folder}/val/train.json',
        'weights': f'load_from={folder}/wrapped.pth: {layers} of {layers} layers are from the checkpoint',
        'schedule': 'its loops, optimizer, schedulers, default hooks and visualizer are registered',
        'hooks': 'DetVisualizationHook can be built'}
    assert not (folder / 'work').exists()


def change_file(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def crowds(content):
    for box in content['annotations']:
        box['iscrowd'] = 1


def no_class_c(content):
    content['annotations'] = [box for box in content['annotations'] if box['category_id'] != 2]


def other_model(config, folder):
    torch.save({'state_dict': {'foo.weight': torch.zeros(2)}}, folder / 'other.pth')
    config.load_from = str(folder / 'other.pth')


def headless_weights(config, folder):
    weights = MODELS.build(config.model).state_dict().items()
    torch.save({'state_dict': {name: value for name, value in weights if 'retina_cls' not in name}}, folder / 'part.pth')
    config.load_from = str(folder / 'part.pth')


def metric_of_other_images(config, folder):
    content = json.loads((folder / 'val/train.json').read_text())
    last = content['images'].pop()['id']
    content['annotations'] = [box for box in content['annotations'] if box['image_id'] != last]
    (folder / 'less.json').write_text(json.dumps(content))
    config.val_evaluator.ann_file = str(folder / 'less.json')


def seesaw_of_other_classes(config, folder):
    config.model = tiny_detector('faster-rcnn')
    config.model.roi_head.bbox_head.loss_cls = dict(type='SeesawLoss', num_classes=5)


def config_of_mmdet_2(config, folder):
    config.data = dict(train=config.pop('train_dataloader').dataset, val=config.pop('val_dataloader').dataset)
    config.val_dataloader = None


def transforms(config, run='train'):
    return config[f'{run}_dataloader'].dataset.pipeline


def image_under_two_ids(content):
    content['images'][3]['file_name'] = content['images'][0]['file_name']


def only_written(config, folder):
    change_file(folder / 'val/train.json', lambda content: content.pop('annotations'))
    config.val_evaluator = dict(type='CocoMetric', ann_file=str(folder / 'val/train.json'), format_only=True,
                                outfile_prefix='x')


FAULTS = {
    'a head of other classes': (lambda config, folder: config.model.bbox_head.update(num_classes=2),
                                'error', 'detector', 'model.bbox_head has num_classes=2, but the data set has 3 classes'),
    'a metainfo of mmdet 2': (lambda config, folder: config.train_dataloader.dataset.__setitem__(
        'metainfo', dict(CLASSES=('a', ))),
                              'error', 'training annotations', "metainfo has the key 'CLASSES', which mmdet 3 does not read"),
    'no annotation file': (lambda config, folder: config.val_dataloader.dataset.update(ann_file='none.json'),
                           'error', 'validation annotations', 'annotation file not found: '),
    'nothing but crowds': (lambda config, folder: change_file(folder / 'train.json', crowds),
                           'error', 'training data', 'all 36 boxes are crowd or ignored'),
    'another image folder': (lambda config, folder: config.train_dataloader.dataset.update(data_prefix=dict(img='x/')),
                             'error', 'training images', '4 of 4 image files do not exist (first: '),
    'a resized image': (lambda config, folder: Image.new('RGB', (60, 40)).save(folder / 'images/1.png'),
                        'warning', 'training images', '60 x 40, in the annotations 128 x 96'),
    'a class without objects': (lambda config, folder: change_file(folder / 'train.json', no_class_c),
                                'warning', 'training classes', '1 of 3 have no objects (c): they cannot be learned'),
    'a class without validation': (lambda config, folder: change_file(folder / 'val/train.json', no_class_c),
                                   'warning', 'validation classes', "1 of 3 have no objects (c): 'imbdet split' divides"),
    'the training images again': (lambda config, folder: config.val_dataloader.dataset.update(data_root=str(folder)),
                                  'warning', 'validation images', '4 of the 4 are also trained on'),
    'fewer images than a batch': (lambda config, folder: config.train_dataloader.update(batch_size=9, drop_last=True),
                                  'error', 'batches', 'an epoch has no batch'),
    'another file of the metric': (
        metric_of_other_images,
        'error', 'validation metric', '1 of the 4 images of the data set are not in'),
    'a part of the images': (lambda config, folder: config.val_dataloader.dataset.update(indices=2),
                             'warning', 'validation metric', 'evaluates 2 of the 4 images'),
    'an unknown transform': (lambda config, folder: config.train_dataloader.dataset.pipeline.insert(1, dict(type='Rezise')),
                             'error', 'training data', 'Rezise'),
    'a broken pipeline': (lambda config, folder: config.train_dataloader.dataset.pipeline.pop(0),
                          'error', 'training pipeline', 'KeyError'),
    'an unknown hook': (lambda config, folder: config.update(custom_hooks=[dict(type='GuidedLosHook')]),
                        'error', 'hooks', 'GuidedLosHook'),
    'no weights': (lambda config, folder: config.update(load_from='none.pth'),
                   'error', 'weights', 'checkpoint not found: none.pth'),
    'weights of another model': (other_model, 'error', 'weights', 'fits no layer of the RetinaNet'),
    'weights of another head': (headless_weights, 'warning', 'weights', 'new are bbox_head.retina_cls (not in the checkpoint)'),
    'no pretrained weights': (
        lambda config, folder: config.model.backbone.update(init_cfg=dict(type='Pretrained', checkpoint='none.pth')),
        'error', 'detector', 'pretrained weights not found: none.pth'),
    'weights to download': (
        lambda config, folder: config.model.backbone.update(init_cfg=dict(type='Pretrained', checkpoint='torchvision://x')),
        'not checked', 'detector', 'torchvision://x, which are downloaded'),
    'an assertion without text': (seesaw_of_other_classes,
                                  'error', 'detector', 'AssertionError: assert num_classes == self.num_classes failed in '),
    'no model': (lambda config, folder: config.pop('model'), 'error', 'detector', 'the config has no model'),
    'a config of mmdet 2': (config_of_mmdet_2, 'error', 'config', 'it is one of mmdet 2'),
    'nothing packed': (lambda config, folder: transforms(config).pop(),
                       'error', 'training pipeline', "without inputs and data_samples, which detectors take; end the pipeline "
                       "with dict(type='PackDetInputs')"),
    'no annotations loaded': (lambda config, folder: transforms(config).pop(1),
                              'error', 'training pipeline', "insert dict(type='LoadAnnotations', with_bbox=True)"),
    'objects that are all dropped': (
        lambda config, folder: transforms(config).insert(
            3, dict(type='FilterAnnotations', min_gt_bbox_wh=(99, 99), keep_empty=False)),
        'error', 'training pipeline', 'it drops all objects of the 4 images that were tried'),
    'unpacked image ids': (
        lambda config, folder: transforms(config, 'val')[-1].update(meta_keys=('ori_shape', )),
        'error', 'validation pipeline', "without img_id, which LongTailMetric needs; add 'img_id' to meta_keys"),
    'an unknown optimizer': (lambda config, folder: config.optim_wrapper.optimizer.update(type='AdanW'),
                             'error', 'schedule', "has the type 'AdanW', which is not in the optimizer registry; did you mean "
                             "'AdamW'?"),
    'masks of a detector of boxes': (lambda config, folder: config.val_evaluator.update(metric=['bbox', 'segm']),
                                     'error', 'validation metric', 'evaluates masks, but the RetinaNet predicts none'),
    'an image under two ids': (lambda config, folder: change_file(folder / 'train.json', image_under_two_ids),
                               'warning', 'training annotations', '1 image files are listed under several ids'),
    'a metric that only writes': (only_written, 'not checked', 'validation classes', 'only writes the detections'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_each_fault_is_found(config, examine, folder, fault):
    change, level, check, text = FAULTS[fault]
    change(config, folder)
    config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    code, found = examine(config)
    assert text in found[level][check]
    assert code == (level == 'error')
    assert set(found) - {'ok', 'not checked'} <= {level, 'error'}


def test_options_and_an_empty_config(config, examine, folder, capsys):
    config.dump(folder / 'options.py')
    with pytest.raises(SystemExit, match='1'):
        main(['doctor', str(folder / 'options.py'), '--cfg-options', 'model.bbox_head.num_classes=7'])
    assert 'num_classes=7' in capsys.readouterr().out
    (folder / 'empty.py').write_text('model = dict(type="RetinaNet")\n')
    with pytest.raises(SystemExit, match='1'):
        main(['doctor', str(folder / 'empty.py')])
    assert 'error       config: it has no train_dataloader' in capsys.readouterr().out
    shutil.rmtree(folder / 'images')
    assert examine(config)[0] == 1


def test_a_pipeline_that_returns_no_image(config):
    transforms(config).insert(3, dict(type='FilterAnnotations', min_gt_bbox_wh=(99, 99)))
    dataset = DATASETS.build(config.train_dataloader.dataset)
    dataset.max_refetch = 3  # not a thousand times
    with pytest.raises(ValueError, match='it returns no image, however many are tried; look for a transform'):
        list(load_images(config, 'train', dataset))


@pytest.mark.parametrize(('change', 'text'), [
    (lambda config: config.pop('optim_wrapper'), 'the config has train_dataloader and train_cfg, but no optim_wrapper'),
    (lambda config: config.optim_wrapper.pop('optimizer'), 'optim_wrapper must have an optimizer'),
    (lambda config: config.train_cfg.pop('type'), 'train_cfg must have type'),
    (lambda config: config.val_cfg.update(type='ValLop'), "'ValLop', which is not in the loop registry; did you mean"),
    (lambda config: config.update(param_scheduler=[dict(type='LinearLR'), dict(type='CosinLR')]), "'CosinLR'"),
    (lambda config: config.update(param_scheduler=dict(a=[dict(gamma=1)])), 'param_scheduler has no type'),
    (lambda config: config.update(default_hooks=dict(timer=None, logger=dict(type='LogerHook'))), 'default_hooks.logger has'),
    (lambda config: config.update(visualizer=dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVis')])),
     "visualizer.vis_backends has the type 'LocalVis'"),
])
def test_schedules_that_mmengine_cannot_build(config, change, text):
    change(config)
    (level, found), = check_schedule(config)
    assert level == 'error'
    assert text in found


@pytest.mark.parametrize(('content', 'text'), [
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n', 'is a git-lfs pointer, not a checkpoint; '),
    (b'<html>404</html>', 'is a text file, not a checkpoint'),
    (b'', 'is not a complete checkpoint'),
    (b'\x80\x02broken', 'cannot be loaded; it is broken, or not a checkpoint: '),
    ('truncated', 'is not a complete checkpoint'),
    ([torch.zeros(1)], 'has a list where a dict of weights is needed'),
    ({'state_dict': None}, 'has a NoneType where a dict of weights is needed'),
    ({'model': {'weight': torch.zeros(1)}, 'epoch': 3},
     "has no weights under 'state_dict', which mmdet reads; it has the keys: model, epoch"),
])
def test_broken_checkpoints(tmp_path, content, text):
    path = tmp_path / 'weights.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(torch.zeros(99) if content == 'truncated' else content, path)
    if content == 'truncated':
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=re.escape(f'{path} {text}')):
        list(check_weights(torch.nn.Linear(2, 2), str(path)))


@pytest.mark.parametrize(('name', 'changes', 'only_boxes'), [
    ('rpn', {}, True), ('faster-rcnn', {}, True), ('detr', {}, True), ('mask-rcnn', {}, False),
    ('rtmdet', dict(bbox_head=dict(
        HEAD, _delete_=True, type='RTMDetInsSepBNHead', stacked_convs=1, bbox_coder=dict(type='DistancePointBBoxCoder'),
        anchor_generator=dict(type='MlvlPointGenerator', strides=[8, 16, 32]))), False)])
def test_which_detectors_predict_no_masks(name, changes, only_boxes):
    assert predicts_only_boxes(MODELS.build(tiny_detector(name, **changes))) is only_boxes
