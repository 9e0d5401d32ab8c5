"""The strength of a calibration chosen on held-out images, by the command."""

import json
import re

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.runner import Runner

from imbdet.calibration import (
    Calibration,
    ClassStatistics,
    applied_calibration,
    calibrated_layers,
    norcal_shift,
    write_statistics,
)
from imbdet.calibration.swept_detections import swept_detections
from imbdet.cli import main
from imbdet.cli.calibrate_fit import group_limits

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set

STATISTICS = ClassStatistics(['a', 'b', 'c'], [7, 2, 0], [40, 2, 0], 8, [1.9, 1.2, 1.0])
BIAS = 'roi_head.bbox_head.fc_cls.bias'


@pytest.fixture
def trained(tmp_path):
    """A Faster R-CNN, its config with a test set, and held-out images of another folder."""
    return prepare(tmp_path, 'faster-rcnn')


def prepare(folder, name):
    write_training_set(folder)
    held_out = folder / 'held_out'
    write_training_set(held_out, num_images=6, seed=1)
    make_runner(folder, tiny_detector(name)).train()
    config = training_config(folder, tiny_detector(name))
    loader = {**config.train_dataloader, 'sampler': dict(type='DefaultSampler', shuffle=False)}
    loader['dataset'] = {**loader['dataset'], 'test_mode': True}
    config.test_dataloader, config.test_cfg = loader, dict(type='TestLoop')
    config.test_evaluator = dict(type='CocoMetric', ann_file=str(folder / 'train.json'))
    config.dump(folder / 'config.py')
    return folder / 'config.py', folder / 'work/iter_2.pth', held_out


def calibrate(folder, config, checkpoint, *arguments):
    main(['calibrate', str(config), str(checkpoint), '--out', str(folder / 'new.pth'), '--report', str(folder / 'report'),
          *map(str, arguments)])


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit):
        calibrate(*arguments)
    return capsys.readouterr().err


def make_best(config, checkpoint, held_out, calibration):
    """Let the objects of the held-out images be the five highest detections under a calibration."""
    cfg = Config.fromfile(config)
    detector = MODELS.build(cfg.model)
    detector.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    loader = dict(cfg.test_dataloader)
    loader['dataset'] = dict(loader['dataset'], data_root=str(held_out))
    layers = calibrated_layers(detector, calibration, STATISTICS)
    found = swept_detections(detector, Runner.build_dataloader(loader), [layers])[0]
    content = json.loads((held_out / 'train.json').read_text())
    content['annotations'] = []
    for image in found:
        for row in np.argsort(-image['scores'])[:5]:
            x, y, right, bottom = image['bboxes'][row].tolist()
            content['annotations'].append({
                'id': len(content['annotations']) + 1, 'image_id': int(image['image_id']), 'iscrowd': 0,
                'category_id': int(image['labels'][row]), 'bbox': [x, y, right - x, bottom - y],
                'area': (right - x) * (bottom - y)})
    (held_out / 'train.json').write_text(json.dumps(content))


def test_the_best_of_several(trained, tmp_path, capsys):
    """Objects are what is found with tau 0.9 and k 1, so that these are best."""
    config, checkpoint, held_out = trained
    write_statistics(tmp_path / 'statistics.json', STATISTICS)
    make_best(config, checkpoint, held_out, Calibration('norcal', 0.9, k=1.0))
    fit = '--fit', held_out / 'train.json', '--fit-images', held_out / 'images', '--folds', 2, '--by', 'AP_pool'
    calibrate(tmp_path, config, checkpoint, '--method', 'norcal', '--tau', 0.3, 0.9, '--k', 1, '--statistics',
              tmp_path / 'statistics.json', *fit)
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith(('no calibration', 'norcal: tau', 'gain of the choice'))]
    assert [line.split(',')[0] for line in lines[1:3]] == ['norcal: tau 0.3', 'norcal: tau 0.9']
    pooled = [float(line.split()[-1]) for line in lines[:4]]
    assert pooled[2] > max(pooled[:2]) + 0.05
    assert '(best)' in lines[2]
    assert pooled[3] > 0.05  # in either half, the same is best on the other
    assert 'data:image/png' in (tmp_path / 'report/index.html').read_text()
    new = torch.load(tmp_path / 'new.pth', weights_only=True)
    assert applied_calibration(new) == Calibration('norcal', 0.9, k=1.0)
    shift = new['state_dict'][BIAS] - torch.load(checkpoint, weights_only=True)['state_dict'][BIAS]
    assert torch.allclose(shift[:3].double(), torch.from_numpy(norcal_shift(STATISTICS.images, 0.9) + 1), atol=1e-5)
    assert shift[3] == 0


def test_ap_fixed_counts_what_the_detector_does_not_keep(trained, tmp_path, capsys):
    """It keeps two detections of an image with five objects."""
    config, checkpoint, held_out = trained
    make_best(config, checkpoint, held_out, Calibration('norcal', 0.0))
    calibrate(tmp_path, config, checkpoint, '--method', 'norcal', '--tau', 0.1, '--k', 0, '--folds', 2, '--fit',
              held_out / 'train.json', '--fit-images', held_out / 'images', '--cfg-options',
              'model.test_cfg.rcnn.max_per_img=2')
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith('no calibration'))
    ap, *_, fixed, _ = map(float, re.findall(r'\d\.\d+', row))
    assert fixed > ap + 0.1


def test_none_is_best(trained, tmp_path, capsys):
    config, checkpoint, held_out = trained
    make_best(config, checkpoint, held_out, Calibration('norcal', 0.0))
    calibrate(tmp_path, config, checkpoint, '--method', 'norcal', '--tau', 0.9, '--by', 'AP_pool', '--folds', 2, '--fit',
              held_out / 'train.json', '--fit-images', held_out / 'images')
    assert 'No calibration has a higher AP_pool than none, so that no checkpoint is written.' in capsys.readouterr().out
    assert not (tmp_path / 'new.pth').exists()


def test_the_grid_of_a_method(trained, tmp_path, capsys):
    """Of a softmax also over k; images that are trained on are warned of; a part of the images is drawn by the seed."""
    config, checkpoint, _ = trained
    calibrate(tmp_path, config, checkpoint, '--method', 'fracal', '--fit', tmp_path / 'train.json', '--num-images', 4,
              '--folds', 2)
    said = capsys.readouterr()
    assert said.out.count('fracal: base') >= 27
    assert 'on 4 images of' in (tmp_path / 'report/index.html').read_text()
    assert 'is the annotation file of train_dataloader: the detector knows them by heart' in said.err
    assert 'is the annotation file of test_dataloader: do not report a result' in said.err


def test_sigmoids_need_no_k(tmp_path, capsys):
    config, checkpoint, held_out = prepare(tmp_path, 'retinanet')
    fit = '--fit', held_out / 'train.json', '--fit-images', held_out / 'images', '--folds', 2
    calibrate(tmp_path, config, checkpoint, '--method', 'norcal', *fit)
    said = capsys.readouterr().out
    assert 'norcal: tau 0.1, counts of images ' in said
    assert ', k +' not in said
    assert 'FRACAL with sigmoids multiplies' in error_of(capsys, tmp_path, config, checkpoint, '--method', 'fracal', *fit)
    calibrate(tmp_path, config, checkpoint, '--method', 'logn', *fit)
    assert 'logn: statistics of the logits' in capsys.readouterr().out


@pytest.mark.parametrize(('evaluator', 'given', 'limits'), [
    (dict(type='CocoMetric'), (), (10, 100)),
    (dict(type='LongTailMetric', rare_max=30), (), (30, 100)),
    ([dict(type='CocoMetric'), dict(type='LongTailMetric', rare_max=0, common_max=7)], (), (0, 7)),
    (dict(type='LongTailMetric', rare_max=30, common_max=40), (0, 9), (0, 9))
])
def test_groups_are_those_of_the_metric(evaluator, given, limits):
    assert group_limits(Config(dict(test_evaluator=evaluator)), *given) == limits
    assert group_limits(Config(dict(val_evaluator=evaluator)), *given) == limits


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--method', 'norcal', '--tau', 0.1, 0.2], '--tau can have several values only with --fit'),
    (['--undo', '--fit', 'a.json'], '--fit cannot be used with --undo'),
    (['--method', 'norcal', '--fit', 'none.json'], 'none.json not found'),
    (['--method', 'norcal', '--fit', 'train.json', '--folds', 1], 'folds must be at least 2'),
    (['--method', 'norcal', '--fit', 'train.json', '--fit-images', 'none'], 'none not found'),
    (['--method', 'norcal', '--fit', 'train.json', '--cfg-options', 'test_dataloader=None', 'test_cfg=None',
      'test_evaluator=None'], 'the config has no test_dataloader, with whose settings')
])
def test_what_cannot_be_is_named(trained, arguments, message, tmp_path, capsys, monkeypatch):
    config, checkpoint, _ = trained
    monkeypatch.chdir(tmp_path)
    assert message in error_of(capsys, tmp_path, config, checkpoint, *arguments)
    assert not (tmp_path / 'new.pth').exists()
