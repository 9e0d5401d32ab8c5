"""``imbdet doctor CONFIG`` on a sound config, and on configs with one fault each."""

import json
import shutil

import pytest
import torch
from mmdet.registry import MODELS
from PIL import Image

from imbdet.cli import main

from ..tiny_detectors import tiny_detector
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
        'hooks': 'there are no custom ones'}
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
