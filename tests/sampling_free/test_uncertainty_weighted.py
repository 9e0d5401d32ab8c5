"""Learned weights of losses, against the formula and in trainings."""

import math

import pytest
import torch
from mmengine.runner import Runner

from imbdet.sampling_free import UncertaintyWeighted

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, scalars, write_training_set

NAMES = ('loss_cls', 'loss_bbox', 'loss_centerness')
GUIDED = dict(type='GuidedLossHook', pairs='all')


def weighted_fcos(names=NAMES):
    model = tiny_detector('fcos')
    model.bbox_head.loss_bbox = dict(type='UncertaintyWeighted', loss=model.bbox_head.loss_bbox, names=names)
    return model


def test_formula():
    """L / (2 sigma^2) for each loss and log of the product of all sigmas, as in the release of 2021; and its gradient."""
    module = UncertaintyWeighted(dict(type='L1Loss'), ('loss_cls', 'loss_bbox'))
    with torch.no_grad():
        module.log_sigma.copy_(torch.tensor([math.log(2.0), math.log(0.5)]))
    losses = {'loss_cls': [torch.tensor(3.0), torch.tensor(1.0)], 'loss_bbox': torch.tensor(0.25), 'acc': torch.tensor(9.0)}
    found = module.weigh(losses)
    assert [part.item() for part in found['loss_cls']] == pytest.approx([3 / 8, 1 / 8])
    assert found['loss_bbox'].item() == pytest.approx(0.25 / 0.5)
    assert found['loss_uncertainty'].item() == pytest.approx(math.log(2 * 0.5), abs=1e-6)
    assert found['acc'] == 9
    (sum(found['loss_cls']) + found['loss_bbox'] + found['loss_uncertainty']).backward()
    assert module.log_sigma.grad.tolist() == pytest.approx([1 - 4 / 4, 1 - 0.25 / 0.25], abs=1e-6)  # 1 - L / sigma^2


def test_in_a_training(tmp_path):
    """At first all sigmas are 1: losses are half of those without; then the optimizer moves them, and a resume goes on."""
    write_training_set(tmp_path)
    logs = {}
    for name, model in (('plain', tiny_detector('fcos')), ('learned', weighted_fcos())):
        runner = make_runner(tmp_path, model, [GUIDED], work_dir=str(tmp_path / name), max_iters=3)
        runner.train()
        logs[name] = scalars(tmp_path / name)
    for key in NAMES:
        assert logs['learned'][0][key] == pytest.approx(logs['plain'][0][key] / 2, rel=1e-5)
    assert logs['learned'][0]['loss_uncertainty'] == 0
    assert logs['learned'][1]['loss_uncertainty'] != 0
    name = 'bbox_head.loss_bbox.log_sigma'
    assert runner.model.state_dict()[name].abs().min() > 0
    saved = torch.load(tmp_path / 'learned/iter_3.pth', weights_only=True)['state_dict']
    assert torch.equal(saved[name], runner.model.state_dict()[name])


def test_without_the_hook(tmp_path):
    write_training_set(tmp_path)
    with pytest.raises(RuntimeError, match="needs GuidedLossHook, which applies its weights"):
        make_runner(tmp_path, weighted_fcos()).train()
    runner: Runner = make_runner(tmp_path, weighted_fcos(), [GUIDED], max_iters=1)
    runner.train()
    assert not runner.model.bbox_head.loss_bbox.is_weighted  # the hook has let go


def test_a_loss_that_is_not_there(tmp_path):
    write_training_set(tmp_path)
    with pytest.raises(ValueError, match='found no loss_iou among the losses loss_cls, loss_bbox, loss_centerness'):
        make_runner(tmp_path, weighted_fcos(('loss_cls', 'loss_iou')), [GUIDED]).train()


@pytest.mark.parametrize('names', [(), 'loss_cls', ('loss_cls', 'loss_cls')])
def test_bad_names(names):
    with pytest.raises(ValueError, match='must be different names of losses'):
        UncertaintyWeighted(dict(type='L1Loss'), names)
