"""The losses against what the public code of each gave; where that code is wrong, against what it means."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from imbdet.classes import ClassCounts
from imbdet.losses import (
    BalancedSoftmaxLoss,
    EffectiveClassMarginLoss,
    EqualizationLoss,
    EqualizationLossV2,
    EqualizedFocalLoss,
    FederatedLoss,
    GumbelLoss,
)
from imbdet.losses.class_weights import effective_number_weights

PUBLIC = json.loads((Path(__file__).parent / 'public_code.json').read_text(encoding='utf-8'))
BCE = dict(type='CrossEntropyLoss', use_sigmoid=True)


def cases(*methods):
    return [pytest.param(case['inputs'], case['outputs'], id=f'{method} {case["name"]}')
            for method in methods for case in PUBLIC[method]['cases']]


def tensors(inputs):
    return torch.tensor(inputs['logits'], dtype=torch.float64, requires_grad=True), torch.tensor(inputs['labels'])


def counted(loss, boxes=PUBLIC['boxes']):
    loss.set_class_counts(ClassCounts(np.array(PUBLIC['images']), np.array(boxes), PUBLIC['num_images']))
    return loss


def share_below(frequency):
    """The share of boxes of the classes in fewer images than this share of all, which are the tail of the authors."""
    tail = np.array(PUBLIC['images']) < frequency * PUBLIC['num_images']
    return np.array(PUBLIC['boxes'])[tail].sum() / np.sum(PUBLIC['boxes'])


def assert_same(loss, logits, value, outputs, gradient='grad'):
    value.backward()
    np.testing.assert_allclose(value.item(), outputs['loss'], rtol=2e-7)  # mmdet adds 1.2e-7 to the divisor
    np.testing.assert_allclose(logits.grad, outputs[gradient], rtol=1e-6, atol=1e-10)
    if 'activation' in outputs:  # the heads get one column more than some of theirs
        loss.get_cls_channels(5)
        scores = loss.get_activation(logits.detach())
        np.testing.assert_allclose(scores[:, :5], np.array(outputs['activation'])[:, :5], rtol=1e-7)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('ecm'))
def test_effective_class_margin(inputs, outputs):
    """With their share of background; one of the cases has theirs of LVIS, 6.3313."""
    logits, labels = tensors(inputs)
    loss = counted(EffectiveClassMarginLoss(loss_weight=inputs['init']['loss_weight']), inputs['counts_used'])
    loss.get_cls_channels(5)
    loss.load_statistics(torch.tensor([1, inputs['init']['fg_bg_ratio']]))
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('eql_v1'))
def test_equalization(inputs, outputs):
    logits, labels = tensors(inputs)
    loss = counted(EqualizationLoss(tail_share=share_below(inputs['lambda_'])))
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('droploss'))
def test_drop(inputs, outputs, monkeypatch):
    """The random numbers are those of their run."""
    logits, labels = tensors(inputs)
    loss = counted(EqualizationLoss(tail_share=share_below(inputs['lambda_']), drop_background=True))
    monkeypatch.setattr(torch, 'rand', lambda *_, **__: torch.tensor(inputs['uniform_draw'])[:, 3:])
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('gol_eql', 'gol_droploss'))
def test_gumbel(inputs, outputs, monkeypatch):
    """The gradients are those of their loss; their code loses them for positives below -3.3."""
    logits, labels = tensors(inputs)
    loss = counted(GumbelLoss(tail_share=share_below(inputs['init']['lambda_']), drop_background='uniform_draw' in inputs))
    monkeypatch.setattr(torch, 'rand', lambda *_, **__: torch.tensor(inputs['uniform_draw'])[:, 3:])
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs, 'grad_analytic_float64')


@pytest.mark.parametrize(('inputs', 'outputs'), cases('eqlv2'))
def test_equalization_v2(inputs, outputs):
    """Three calls in a row, each with the state before it."""
    logits, labels = tensors(inputs)
    loss = counted(EqualizationLossV2())
    loss.get_cls_channels(5)
    loss.load_statistics(torch.tensor([inputs['state']['pos_grad'], inputs['state']['neg_grad']]).double())
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs)
    loss.advance(loss.noted)
    np.testing.assert_allclose(loss.statistics, [outputs['state']['pos_grad'], outputs['state']['neg_grad']], rtol=1e-6)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('efl', 'eqfl'))
def test_equalized_focal(inputs, outputs):
    """Theirs takes gradients from a backward hook."""
    logits, labels = tensors(inputs)
    init = inputs['init']
    target = (labels, torch.tensor(inputs['scores']).double()) if 'scores' in inputs else labels
    loss = counted(EqualizedFocalLoss(init['focal_gamma'], init.get('focal_alpha', 0.25), init['scale_factor'],
                                      loss_weight=init['loss_weight']))
    loss.load_statistics(torch.tensor([inputs['state']['pos_grad'], inputs['state']['neg_grad']]).double())
    assert_same(loss, logits, loss(logits, target, avg_factor=inputs['normalizer'] or 1.0), outputs)
    loss.advance(loss.noted)
    np.testing.assert_allclose(loss.statistics, [outputs['state']['pos_grad'], outputs['state']['neg_grad']], rtol=1e-6)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('balanced_softmax_det'))
def test_balanced_sigmoids(inputs, outputs):
    logits, labels = tensors(inputs)
    loss = counted(BalancedSoftmaxLoss(use_sigmoid=True))
    assert_same(loss, logits, loss(logits, labels, avg_factor=len(labels)), outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('balanced_softmax_cls'))
def test_balanced_softmax(inputs, outputs):
    """Theirs counts the background, too; here its logit is as it is, so it gets the prior first."""
    logits, labels = tensors(inputs)
    prior = np.log(inputs['counts_used'][5] / np.mean(PUBLIC['boxes']))
    loss = counted(BalancedSoftmaxLoss())
    assert_same(loss, logits, loss(logits + torch.tensor([0] * 5 + [prior]), labels), outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('federated_centernet2'))
def test_federated(inputs, outputs):
    """With the classes that theirs kept; theirs counts the background among them."""
    logits, labels = tensors(inputs)
    loss = counted(FederatedLoss(loss=BCE, num_kept=1))
    loss.start_step(torch.tensor(outputs['class_mask'], dtype=torch.bool), 0)
    value = loss(logits[:, :5], labels, avg_factor=len(labels))
    assert_same(loss, logits, value, outputs)


@pytest.mark.parametrize(('inputs', 'outputs'), cases('effective_number'))
def test_effective_number(inputs, outputs):
    """Theirs have a mean of 1 over the classes, ours over the boxes."""
    boxes = torch.tensor(PUBLIC['boxes']).double()
    weights = effective_number_weights(boxes, inputs['beta'])
    np.testing.assert_allclose(weights / weights.mean(), outputs['weights'], rtol=1e-6)
    assert (weights * boxes).sum() == pytest.approx(boxes.sum().item())
