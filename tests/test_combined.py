"""The four methods together: every two of them and all four train, each does its part, and none changes another's."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .combined_training import METHODS, THRESHOLD, combined_config, write_likelihoods, write_rare_pairs
from .tiny_training import scalars

NUM_BOXES = [2, 2, 3, 0, 2, 3, 2, 2]
NUMBER = len(NUM_BOXES)
# Of 8 images and 16 boxes, the rare class is in one.
FACTOR = math.sqrt(THRESHOLD / math.sqrt(1 / 8 * 1 / 16))
LIKELIHOODS = np.linspace(0, 1, NUMBER)


class Record(Hook):
    """Keep the weights that training starts from, or give others, and keep images and modality maps of each iteration."""

    priority = 'LOWEST'

    def __init__(self, start=None):
        self.start, self.images, self.maps = start, [], []

    def before_train(self, runner):
        detector = getattr(runner.model, 'detector', runner.model)
        if self.start is not None:
            detector.load_state_dict(self.start)
        self.start = {name: value.clone() for name, value in detector.state_dict().items()}
        self.sampler = runner.train_dataloader.sampler
        runner.model.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, model, inputs, keywords):
        samples = keywords['data_samples']
        self.images.append([sample.img_id for sample in samples])
        self.maps.append([sample.get('modality_map') for sample in samples])


@pytest.fixture
def folder(tmp_path):
    return write_rare_pairs(tmp_path, NUM_BOXES, LIKELIHOODS)


def train(config, start=None):
    """Train; return what was logged, by iteration, what was recorded, and the detector."""
    record = Record(start)
    runner = Runner.from_cfg(config)
    runner.register_hook(record)
    runner.train()
    detector = getattr(runner.model, 'detector', runner.model)
    return scalars(Path(runner.work_dir)), record, detector


def check_sampler(used, log, record, folder):
    drawn = np.bincount(np.concatenate(record.images), minlength=NUMBER)
    assert drawn[1:].min() >= 1
    if used:
        assert record.sampler.image_factors.tolist() == pytest.approx([FACTOR] + [1] * (NUMBER - 1))
        assert drawn.sum() == math.ceil(FACTOR + NUMBER - 1)
        assert drawn[0] in (2, 3)  # the factor is 2.13
    else:
        assert drawn.tolist() == [1] * NUMBER


def check_sampling_free(used, log, record, folder):
    priors = list((folder / 'work').rglob('foreground_prior.json'))
    assert len(priors) == used
    if used:
        (measured, ) = json.loads(priors[0].read_text()).values()
        prior = measured['num_foreground'] / (3 * measured['num_anchors'])
        bias = record.start['bbox_head.retina_cls.bias']
        assert bias.tolist() == pytest.approx([-math.log((1 - prior) / prior)] * len(bias), rel=1e-5)
    for entry in log:
        assert ('guided_weight_cls' in entry) == used
        if used:
            assert 0 < entry['loss_cls'] == pytest.approx(entry['loss_bbox'], rel=1e-4)


def check_equity(used, log, record, folder):
    weights = (1 + (1 - LIKELIHOODS)**5) / 2
    weights /= weights.mean()
    for entry, images in zip(log, record.images, strict=True):
        assert ('equity_weight_mean' in entry) == used
        if used:
            assert entry['equity_weight_mean'] == pytest.approx(weights[images].mean(), rel=1e-5)
            assert entry['equity_weight_min'] == pytest.approx(weights[images].min(), rel=1e-5)


def check_mipa(used, log, record, folder):
    for iteration, (entry, maps) in enumerate(zip(log, record.maps, strict=True)):
        assert ('ir_ratio' in entry) == ('loss_modality' in entry) == used
        if used:
            shares = [float(chosen.float().mean()) for chosen in maps]
            assert shares == pytest.approx([entry['ir_ratio']] * len(maps), abs=0.5 / maps[0].numel() + 1e-6)
            assert entry['modality_reversal'] == pytest.approx(math.tanh(0.05 * iteration))


CHECKS = dict(zip(METHODS, (check_sampler, check_sampling_free, check_equity, check_mipa), strict=True))


@pytest.mark.parametrize('methods', [*itertools.combinations(METHODS, 2), METHODS], ids='+'.join)
def test_train_together(methods, folder):
    """Two iterations, an epoch: losses are finite, the methods named are at work, and the others are not."""
    log, record, _ = train(combined_config(folder, methods))
    assert len(log) == len(record.images) == 2
    assert all(math.isfinite(value) for entry in log for value in entry.values())
    assert all(entry['loss_cls'] > 0 for entry in log)
    for method, check in CHECKS.items():
        check(method in methods, log, record, folder)


def without(config, method):
    """Take one method out of a combination; of Sampling-Free, the bias."""
    types = {'sampling_free': 'OptimalBiasInitHook', 'equity': 'DatasetEquityHook'}
    config.custom_hooks = [hook for hook in config.custom_hooks if hook.type != types.get(method)]
    return config


def in_order(config):
    """Draw images in their order and leave gradients as long as they are: the modality head's would count in their norm."""
    config.train_dataloader.sampler.shuffle = False
    config.optim_wrapper.clip_grad = None
    config.work_dir = f'{config.work_dir}_{config.experiment_name}'
    return config


def neutral(config, method, folder):
    """Let a method of a combination change nothing; MiPa by the arguments of combined_config."""
    if method == 'sampler':
        config.train_dataloader.sampler.threshold = 1e-6  # repeats nothing
    elif method == 'sampling_free':
        config.custom_hooks[0].prior = 0.01  # the prior of mmdet's own bias
    elif method == 'equity':
        write_likelihoods(folder, [1.0] * NUMBER)  # weights of 0.5, divided by their mean
    return config


@pytest.mark.parametrize('method', METHODS)
def test_a_method_that_changes_nothing_changes_nothing(method, folder):
    """All four, one of them in a neutral setting, against the other three alone: the same weights, bit for bit."""
    others = METHODS if method == 'sampling_free' else tuple(other for other in METHODS if other != method)
    log, record, alone = train(without(in_order(combined_config(folder, others)), method))
    # The modality head is made first and takes random numbers; biases are set before these weights are taken.
    start = record.start if method == 'mipa' else None
    settings = dict(ir_ratio=0.0, gamma=0.0) if method == 'mipa' else {}  # visible images alone, and no reversal
    _, _, active = train(in_order(combined_config(folder, METHODS)), start)
    again, _, found = train(neutral(in_order(combined_config(folder, METHODS, **settings)), method, folder), start)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, found.state_dict()[name]), name
    for loss in ('loss_cls', 'loss_bbox'):
        assert [entry[loss] for entry in log] == [entry[loss] for entry in again]
    assert any(not torch.equal(value, active.state_dict()[name]) for name, value in alone.state_dict().items())


def test_the_order_of_the_hooks_does_not_matter(folder):
    """Measuring the prior runs batches through a detector to which the other hooks may be attached already."""
    results = []
    for turn in (1, -1):
        config = in_order(combined_config(folder, METHODS))
        config.custom_hooks[1].momentum = 0.5
        config.custom_hooks = config.custom_hooks[::turn]
        results.append(train(config))
    (log, _, detector), (log_again, _, detector_again) = results
    assert [entry['guided_weight_cls'] for entry in log] == [entry['guided_weight_cls'] for entry in log_again]
    for name, value in detector.state_dict().items():
        assert torch.equal(value, detector_again.state_dict()[name]), name


def test_each_image_weighs_by_ratio_and_rarity(folder):
    """By an image's pixels, the regression's gradient is w of that without hooks, the classification's r w with its r."""
    runner = Runner.from_cfg(combined_config(folder, METHODS))
    detector = runner.model
    hooks = [hook for hook in runner.hooks if type(hook).__name__ in ('GuidedLossHook', 'DatasetEquityHook')]
    data = detector.data_preprocessor(next(iter(runner.train_dataloader)), True)
    images = [sample.img_id for sample in data['data_samples']]
    data['inputs'].requires_grad_()
    detector.eval()  # batch normalisation would mix the images

    def gradients():
        losses = detector(**data, mode='loss')
        classification, regression = (sum(losses[name]) for name in ('loss_cls', 'loss_bbox'))
        gradient, = torch.autograd.grad(classification, data['inputs'], retain_graph=True)
        return gradient, torch.autograd.grad(regression, data['inputs'])[0], (regression / classification).item()

    plain, plain_regression, ratio = gradients()
    for hook in hooks:
        hook.before_train(runner)
    combined, combined_regression, _ = gradients()
    weights = (1 + (1 - LIKELIHOODS)**5) / 2
    factors = torch.tensor((weights / weights.mean())[images], dtype=torch.float32).view(-1, 1, 1, 1)
    assert len(hooks) == 2
    assert len(set(factors.flatten().tolist())) > 2
    for found, expected in ((combined, ratio * factors * plain), (combined_regression, factors * plain_regression)):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
