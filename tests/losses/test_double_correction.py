"""What corrects for frequent classes twice is said, and nothing else."""

import pytest
from mmdet.registry import MODELS
from mmengine.runner import Runner

from imbdet.losses.double_correction import double_corrections

from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set

EFL = dict(type='EqualizedFocalLoss', use_sigmoid=True)
FOCAL = dict(type='FocalLoss', use_sigmoid=True)
CLASS_AWARE = dict(type='RepeatFactorSampler', method='class-aware')


def log_of(folder, loss, sampler):
    write_training_set(folder)
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = loss
    training = training_config(folder, config, max_iters=1)
    training.train_dataloader.sampler = sampler
    training.experiment_name = f'double_{loss["type"]}_{sampler["type"]}'
    runner = Runner.from_cfg(training)
    runner.train()
    return next((folder / 'work').glob(f'{runner.timestamp}/*.log')).read_text()


@pytest.mark.parametrize(('loss', 'sampler', 'line'), [
    (EFL, CLASS_AWARE,
     'RepeatFactorSampler draws all classes equally often, and bbox_head.loss_cls (EqualizedFocalLoss) corrects'),
    (EFL, dict(type='ClassAwareSampler'), 'ClassAwareSampler draws all classes equally often'),
    (dict(type='ClassWeighted', use_sigmoid=True, loss=EFL), dict(type='DefaultSampler', shuffle=True),
     'bbox_head.loss_cls wraps EqualizedFocalLoss, and both correct for frequent classes'),
])
def test_a_training_says_so(tmp_path, loss, sampler, line):
    assert line in log_of(tmp_path, loss, sampler)


@pytest.mark.parametrize(('loss', 'sampler'), [
    (EFL, dict(type='RepeatFactorSampler', method='rfs', threshold=0.1)), (FOCAL, CLASS_AWARE),
    (dict(type='FederatedLoss', use_sigmoid=True, loss=FOCAL), CLASS_AWARE)])
def test_what_papers_combine(tmp_path, loss, sampler):
    text = log_of(tmp_path, loss, sampler)
    assert 'equally often' not in text
    assert 'both correct' not in text


def test_the_background_of_nothing():
    config = tiny_detector('faster-rcnn')
    assert double_corrections(MODELS.build(config), object()) == []
