"""Tiny detectors train on mixed patches by mmengine's runner, stop and go on, and are evaluated on both cameras."""

import json
import math

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..dataset_equity.write_likelihoods import write_for
from ..tiny_training import scalars
from .paired_training import evaluated, make_runner, model_config, training_config
from .pairs_of_images import paired_dataset, write_pairs


class Batches(Hook):
    """Keep the maps of each iteration, and the largest gradient of each parameter."""

    def __init__(self):
        self.maps, self.gradients = [], {}

    def before_train(self, runner):
        runner.model.register_forward_pre_hook(self._keep_maps, with_kwargs=True)
        for name, parameter in runner.model.named_parameters():
            self.gradients[name] = []
            parameter.register_post_accumulate_grad_hook(
                lambda parameter, name=name: self.gradients[name].append(float(parameter.grad.abs().max())))

    def _keep_maps(self, model, inputs, keywords):
        if keywords['mode'] == 'loss':
            self.maps.append(torch.stack([sample.modality_map for sample in keywords['data_samples']]))


DETECTORS = {  # name, index of the backbone's output for the modality head, and patch size
    'retinanet': ('retinanet', 1, 8),
    'faster-rcnn': ('faster-rcnn', 1, 16),
    'dino': ('dino', 0, 8),
    'swin': ('swin', 0, 4),
}


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path)


@pytest.mark.parametrize('name', DETECTORS)
def test_detectors_train(folder, name):
    """Every parameter gets a gradient, the patch embedding too, at strength 0 and above; losses are finite."""
    detector, stage, patch_size = DETECTORS[name]
    # Without other ranks mmengine makes plain batch normalisation of SyncBN.
    runner = make_runner(folder, model_config(detector, patch_size, stage, norm_cfg=dict(type='SyncBN')))
    batches = Batches()
    runner.register_hook(batches)
    first_layer = next(name for name, _ in runner.model.named_parameters() if 'backbone' in name)
    before = runner.model.get_parameter(first_layer).detach().clone()
    runner.train()
    assert len(batches.maps) == 6
    assert {len(gradients) for gradients in batches.gradients.values()} == {6}
    assert min(batches.gradients[first_layer]) > 0
    assert not torch.equal(runner.model.get_parameter(first_layer), before)
    logged = scalars(folder / 'work')
    assert len(logged) == 6
    for entry, chosen in zip(logged, batches.maps, strict=True):
        assert math.isfinite(entry['loss'])
        assert entry['loss_modality'] > 0
        assert 0 <= entry['acc_modality'] <= 100
        assert entry['ir_ratio'] == pytest.approx(chosen.float().mean().item(), abs=0.5 / chosen[0].numel() + 1e-6)
    assert [entry['modality_reversal'] for entry in logged] == pytest.approx([0] * 3 + [math.tanh(0.05)] * 3)


def state(folder, name):
    return torch.load(folder / 'work' / name, weights_only=True)['state_dict']


def test_a_resumed_training_goes_on_as_one_without_a_stop(tmp_path):
    """The same shares, maps, strengths and weights, with a learnt share and with a regularized curriculum."""
    regularizer = dict(type='ModalityRegularizer', method='either', probability=0.5)
    for preprocessor in (dict(ir_ratio='learnable', ratio_per_image=True),
                         dict(ir_ratio='curriculum', curriculum_epochs=3, modality_regularizer=regularizer)):
        results = []
        for stop in (None, 2):
            folder = write_pairs(tmp_path / f'{preprocessor["ir_ratio"]}_{stop}', num_images=4)
            model = model_config('retinanet', 8, 1, preprocessor)
            batches = Batches()
            # Random flips are drawn from generators whose state mmengine does not save.
            keys = dict(datasets=[paired_dataset(folder)], max_epochs=4)
            if stop:
                first = make_runner(folder, model, **{**keys, 'max_epochs': stop})
                first.register_hook(batches)
                first.train()
                keys['resume'] = True
            runner = make_runner(folder, model, **keys)
            runner.register_hook(batches)
            runner.train()
            results.append((scalars(folder / 'work'), torch.stack(batches.maps), state(folder, 'epoch_4.pth')))
        (logged, maps, weights), (logged_again, maps_again, weights_again) = results
        assert len(logged) == len(logged_again) == 8
        for key in ('ir_ratio', 'modality_reversal', 'loss_modality', 'loss'):
            assert [entry[key] for entry in logged] == pytest.approx([entry[key] for entry in logged_again], rel=1e-6), key
        assert len({round(entry['modality_reversal'], 6) for entry in logged}) == 4
        assert torch.equal(maps, maps_again)
        for key, value in weights.items():
            assert torch.equal(value, weights_again[key]), key
        if preprocessor['ir_ratio'] == 'curriculum':
            shares = [entry['ir_ratio'] for entry in logged]
            assert shares == pytest.approx([0, 0, 1 / 12, 1 / 12, 1 / 6, 1 / 6, 1 / 4, 1 / 4])
        else:
            assert weights['data_preprocessor.learnable_ratio.mean'] != -0.5


def test_pairs_beside_single_images(tmp_path):
    """A data set of pairs joined with one of visible images alone."""
    folder = write_pairs(tmp_path, num_images=4)
    runner = make_runner(folder, model_config('retinanet', 8, None, dict(ir_ratio=1.0)), max_epochs=1, datasets=[
        paired_dataset(folder), paired_dataset(folder, modality='rgb')])
    batches = Batches()
    runner.register_hook(batches)
    runner.train()
    shares = sorted(chosen.float().mean().item() for maps in batches.maps for chosen in maps)
    assert shares == [0] * 4 + [1] * 4


def test_one_run_evaluates_both_cameras_and_keeps_the_best(folder):
    model = model_config('retinanet')
    model.test_cfg.score_thr = 0.0  # so that untrained detectors detect
    config = training_config(folder, model, max_epochs=1, **evaluated(folder))
    config.default_hooks.checkpoint.save_best = 'mean/bbox_mAP'
    runner = Runner.from_cfg(config)
    runner.train()
    found = scalars(folder / 'work')[-1]
    for name in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l'):
        assert found[f'mean/bbox_{name}'] == pytest.approx((found[f'rgb/bbox_{name}'] + found[f'ir/bbox_{name}']) / 2)
    assert (folder / 'work/best_mean_bbox_mAP_epoch_1.pth').is_file()


@pytest.mark.parametrize('stage', [None, 1])
def test_beside_the_other_methods(folder, stage):
    """Sampling, biases, guided losses and appearance weights find what they need in pairs and inside the wrapper."""
    likelihoods = write_for(folder, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], paths=np.array([f'visible/{i}.png' for i in range(6)]))
    config = training_config(folder, model_config('retinanet', 8, stage), datasets=[paired_dataset(folder)])
    config.train_dataloader.sampler = dict(type='RepeatFactorSampler', method='irfs', threshold=0.5)
    config.custom_hooks = [dict(type='OptimalBiasInitHook', num_batches=2), dict(type='GuidedLossHook'),
                           dict(type='DatasetEquityHook', likelihoods=str(likelihoods))]
    Runner.from_cfg(config).train()
    logged = scalars(folder / 'work')
    for entry in logged:
        assert {'ir_ratio', 'guided_weight_cls', 'equity_weight_mean'} <= set(entry)
        assert ('loss_modality' in entry) == (stage is not None)
        assert entry['loss_cls'] == pytest.approx(entry['loss_bbox'], rel=1e-4)
    priors = json.loads(next((folder / 'work').rglob('foreground_prior.json')).read_text())
    assert list(priors) == ['bbox_head' if stage is None else 'detector.bbox_head']


def test_with_ema(folder):
    config = training_config(folder, model_config('retinanet', 8, 1))
    config.custom_hooks = [dict(type='EMAHook', momentum=0.5)]
    Runner.from_cfg(config).train()
    averaged = state(folder, 'epoch_2.pth')
    assert all(value.isfinite().all() for value in averaged.values())
    assert any(name.startswith('modality_head') for name in averaged)


def test_a_detector_under_amp(folder):
    runner = make_runner(folder, model_config('retinanet', 8, 1))
    runner.model.init_weights()
    data = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = runner.model(**data, mode='loss')
    assert losses['loss_modality'].dtype == torch.float32
    total, _ = runner.model.parse_losses(losses)
    total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in runner.model.parameters())
