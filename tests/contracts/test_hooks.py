"""What every hook that attaches to a detector must do: see the contract of hooks in CONTRIBUTING.md."""

import json

import numpy as np
import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from torch import nn

from imbdet.classes import dataset_counts
from imbdet.dataset_equity import LikelihoodFile, write_likelihoods
from imbdet.training.class_counts_hook import asking_modules

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, scalars, write_training_set
from . import asking_loss  # noqa: F401  registers

CASES = {
    'bias': dict(type='OptimalBiasInitHook', num_batches=2),
    'guided': dict(type='GuidedLossHook', momentum=0.5),
    'guided, then fixed': dict(type='GuidedLossHook', average_over=3),
    'thresholds': dict(type='ClassAdaptiveThresholdHook', prior=1e-2),
    'equity': dict(type='DatasetEquityHook', likelihoods='equity.npz'),
    'shift': dict(type='LogitShiftHook', method='norcal'),
    'counts': dict(type='ClassCountsHook'),
    'statistics': dict(type='LossStatisticsHook'),
    'federation': dict(type='FederationHook'),
}
FOCAL = dict(type='FocalLoss', use_sigmoid=True)
LOSSES = {  # of a dense head and of a box head, for hooks that serve a loss
    'counts': (dict(type='AskingLoss', use_sigmoid=True), dict(type='CrossEntropyLoss')),
    'statistics': (dict(type='EqualizationLossV2', use_sigmoid=True), dict(type='EqualizationLossV2')),
    'federation': (dict(type='FederatedLoss', use_sigmoid=True, num_kept=2, loss=FOCAL),
                   dict(type='FederatedLoss', num_kept=2, loss=dict(type='CrossEntropyLoss', use_sigmoid=True)))}
DETECTORS = ('retinanet', 'faster-rcnn')  # one head, and two


@pytest.fixture(params=CASES)
def case(request):
    return request.param


@pytest.fixture
def make(case, tmp_path):
    """A function that makes the runner of a training with the hook."""
    write_training_set(tmp_path)
    rng = np.random.default_rng(0)
    write_likelihoods(tmp_path / 'equity.npz', LikelihoodFile(
        np.arange(8).astype(str), np.array([f'{index}.png' for index in range(8)]), np.zeros(8, np.int32), rng.random(8),
        np.array([], str), {}))

    def runner(name='retinanet', *others, work='work', **keys):
        hook = {key: str(tmp_path / value) if key == 'likelihoods' else value for key, value in CASES[case].items()}
        model = tiny_detector(name)
        if case in LOSSES:
            head = model.roi_head.bbox_head if 'roi_head' in model else model.bbox_head
            head.loss_cls = LOSSES[case][name != 'retinanet']
        made = make_runner(tmp_path, model, [hook, *others], work_dir=str(tmp_path / work), flip=0.0, **keys)
        for _, module in asking_modules(made.model) if case in ('statistics', 'federation') else ():
            module.set_class_counts(dataset_counts(made.train_dataloader.dataset))  # as ClassCountsHook does before it
        return made

    return runner


def the_hook(runner, case):
    return next(hook for hook in runner.hooks if type(hook).__name__ == CASES[case]['type'])


def attached(detector):
    """What is attached to the detector, and its test_cfg."""
    hooks = [hook for module in detector.modules() for hook in (*module._forward_hooks.values(),
                                                                *module._forward_pre_hooks.values())]
    return hooks, [json.dumps(module.test_cfg) for module in detector.modules() if hasattr(module, 'test_cfg')]


def weights(path):
    return torch.load(path, weights_only=True)


def assert_equal(one, other):
    """Compare what is in two checkpoints."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize('name', DETECTORS)
def test_the_detector_is_left_as_it_was(make, name):
    runner = make(name)
    before = attached(runner.model)
    runner.train()
    assert attached(runner.model) == before


@HOOKS.register_module(force=True)
class FailingHook(Hook):
    """Ends a training in its second iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 1:
            raise RuntimeError('no more')


def test_also_after_an_exception(make):
    runner = make('retinanet', dict(type='FailingHook'))
    before = attached(runner.model)
    with pytest.raises(RuntimeError, match='no more'):
        runner.train()
    assert attached(runner.model) == before


def test_twice_is_once(make, case):
    """Attached a second time, a hook does to a step what it did the first time, and one let go is enough."""
    runner = make()
    before = attached(runner.model)
    hook = the_hook(runner, case)
    batch = next(iter(runner.train_dataloader))
    found = []
    for _ in range(2):
        hook.before_run(runner)
        hook.before_train(runner)
        count = len(attached(runner.model)[0])
        torch.manual_seed(0)
        losses = runner.model(**runner.model.data_preprocessor(batch, True), mode='loss')
        found.append((count, runner.model.parse_losses(losses)[0].item()))
    if CASES[case].get('momentum') is None:  # whose average goes on
        assert found[0] == found[1]
    assert found[0][0] == found[1][0]
    hook.after_train(runner)
    hook.after_run(runner)
    assert attached(runner.model) == before


def test_a_resumed_training_is_an_uninterrupted_one(make, tmp_path):
    make(max_iters=4).train()
    make(work='first', max_iters=2).train()
    make(work='second', max_iters=4, load_from=str(tmp_path / 'first/iter_2.pth'), resume=True).train()
    whole, resumed = (weights(tmp_path / folder / 'iter_4.pth') for folder in ('work', 'second'))
    for key in set(whole) - {'meta', 'message_hub', 'optimizer', 'param_schedulers'}:
        assert_equal(whole[key], resumed[key])
    last = [{key: value for key, value in scalars(tmp_path / folder)[-1].items() if 'loss' in key or 'weight' in key}
            for folder in ('work', 'second')]
    assert last[0] == last[1]


def test_averaged_weights_and_accumulated_gradients(make, tmp_path):
    """The average of the weights has no trace of the hook; steps and batches are counted apart."""
    make('retinanet', dict(type='EMAHook'), max_iters=4,
         optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01), accumulative_counts=2)).train()
    saved = weights(tmp_path / 'work/iter_4.pth')
    assert set(saved['ema_state_dict']) - {'steps'} == {f'module.{name}' for name in saved['state_dict']}
    assert all(torch.isfinite(value).all() for value in saved['state_dict'].values())


@pytest.mark.parametrize('name', DETECTORS)
def test_no_positive_in_any_batch(case, make, tmp_path, name):
    """Batches of images without boxes: the losses stay finite; a hook that needs boxes says so."""
    write_training_set(tmp_path, num_boxes=[0] * 7 + [3])  # the last image is not reached
    loader = make(name).cfg.train_dataloader
    runner = make(name, train_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)))
    if case == 'bias':
        with pytest.raises(ValueError, match='0 of .* anchors'):
            runner.train()
        return
    runner.train()
    assert all(np.isfinite(line['loss']) for line in scalars(tmp_path / 'work'))


def test_autocast(make, case):
    """In half precision the losses stay finite and close to those of whole precision."""
    runner = make()
    hook = the_hook(runner, case)
    hook.before_run(runner)
    hook.before_train(runner)
    batch = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), True)
    losses = []
    for enabled in (True, False):
        with torch.autocast('cpu', torch.bfloat16, enabled):
            losses.append(runner.model.parse_losses(runner.model(**batch, mode='loss'))[0])
    assert losses[0].dtype == torch.float32
    assert torch.isclose(*losses, rtol=0.05)


class OwnHead(nn.Module):
    """A head of a kind that imbdet cannot know."""

    def __init__(self):
        super().__init__()
        self.loss_cls = nn.CrossEntropyLoss()
        self.layer = nn.Linear(2, 2)


REFUSALS = {'bias': 'extra is a OwnHead, which is not known', 'equity': r'cannot weight extra \(OwnHead',
            'shift': 'extra is a OwnHead, of which it is not known which layer gives the class logits',
            'thresholds': 'no test_cfg of RetinaNet has a score_thr', 'guided': 'no regression loss goes with own_loss_cls'}


def test_what_it_cannot_serve_is_named(case, make):
    """A head, or a classification loss, that a hook does not know is an error, never left alone silently."""
    if case not in REFUSALS:
        return
    runner = make()
    runner.model.extra = OwnHead()
    for module in runner.model.modules():
        if hasattr(module, 'test_cfg'):
            module.test_cfg.pop('score_thr', None)
    runner.model.register_forward_hook(
        lambda model, inputs, losses: {**losses, 'own_loss_cls': losses['loss_cls']} if isinstance(losses, dict) else losses)
    with pytest.raises(ValueError, match=REFUSALS[case]):
        runner.train()
