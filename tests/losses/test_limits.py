"""Where the idea of a loss has no effect, it is the plain loss, computed by mmdet or torch."""

import numpy as np
import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss, FocalLoss, QualityFocalLoss
from mmdet.registry import MODELS
from torch.nn import functional

from imbdet.classes import ClassCounts

EQUAL = ClassCounts(np.array([50, 50, 50]), np.array([70, 70, 70]), 100)
LONG_TAIL = ClassCounts(np.array([80, 30, 4]), np.array([200, 40, 5]), 100)
LABELS = torch.tensor([0, 3, 2, 1, 3, 0, 3, 3])
WEIGHT = torch.tensor([1, 1, 0.5, 1, 1, 2, 0, 1])
QUALITY = torch.tensor([0.3, 0, 0.9, 1.0, 0, 0.6, 0, 0])
FOCAL = dict(type='FocalLoss', use_sigmoid=True)


def logits_of(num_outputs):
    return (torch.randn(len(LABELS), num_outputs, generator=torch.Generator().manual_seed(1)) * 3).requires_grad_()


def build(counts, **config):
    loss = MODELS.build(config)
    loss.set_class_counts(counts)
    return loss


def assert_equal(loss, plain, num_outputs=3, target=LABELS, plain_target=None):
    """Values and gradients, of one row as of all."""
    for keys in (dict(avg_factor=5.0), dict(reduction_override='none')):
        found = []
        for compute, labels in ((loss, target), (plain, target if plain_target is None else plain_target)):
            logits = logits_of(num_outputs)
            value = compute(logits, labels, WEIGHT, **keys)
            value.sum().backward()
            found.append((value if value.dim() < 2 else value.sum(1), logits.grad))
        other = found[1][0]
        torch.testing.assert_close(found[0][0], other)
        torch.testing.assert_close(found[0][1], found[1][1])


@pytest.mark.parametrize('weights', ['inverse_frequency', 'effective_number'])
@pytest.mark.parametrize(('config', 'num_outputs'), [(FOCAL, 3), (dict(type='CrossEntropyLoss'), 4)])
def test_class_weights_of_equal_counts(weights, config, num_outputs):
    use_sigmoid = config.get('use_sigmoid', False)
    loss = build(EQUAL, type='ClassWeighted', loss=config, weights=weights, use_sigmoid=use_sigmoid)
    assert_equal(loss, MODELS.build(config), num_outputs)


@pytest.mark.parametrize('settings', [dict(power=0.0), dict(weights='effective_number', beta=0.0), dict(weights=[1, 1, 1])])
def test_class_weights_of_one(settings):
    loss = build(LONG_TAIL, type='ClassWeighted', loss=FOCAL, use_sigmoid=True, **settings)
    assert_equal(loss, FocalLoss())


def test_all_classes_count():
    loss = build(LONG_TAIL, type='FederatedLoss', loss=FOCAL, num_kept=3)
    loss.start_step(torch.tensor([True, False, False]), 7)
    assert_equal(loss, FocalLoss())


def test_balanced_softmax_of_equal_counts():
    assert_equal(build(EQUAL, type='BalancedSoftmaxLoss'), CrossEntropyLoss(), 4)


def test_balanced_sigmoids_of_classes_in_half_the_images():
    assert_equal(build(EQUAL, type='BalancedSoftmaxLoss', use_sigmoid=True), CrossEntropyLoss(use_sigmoid=True))


@pytest.mark.parametrize('drop_background', [False, True])
def test_equalization_without_a_tail(drop_background):
    loss = build(LONG_TAIL, type='EqualizationLoss', tail_share=0.0, drop_background=drop_background)
    assert_equal(loss, CrossEntropyLoss(use_sigmoid=True))


def test_gumbel_without_a_tail():
    """The cross entropy of its probabilities, in double precision, by torch."""
    loss = build(LONG_TAIL, type='GumbelLoss', tail_share=0.0)

    def plain(logits, labels, weight, avg_factor=1.0, **_):
        scores = (-(-logits.double()).exp()).exp()
        target = functional.one_hot(labels, 4)[:, :3].double()
        return functional.binary_cross_entropy(scores, target, weight[:, None].expand_as(scores), reduction='sum') / avg_factor

    logits, other = ((logits_of(3).detach() / 2).requires_grad_() for _ in range(2))
    assert logits.min() > -3  # torch's gradient of probabilities near 0 is cut off
    loss(logits, LABELS, WEIGHT, avg_factor=5.0).backward()
    plain(other, LABELS, WEIGHT, avg_factor=5.0).backward()
    torch.testing.assert_close(logits.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_equalization_v2_before_the_first_step():
    """In box heads the background is a class of its own."""
    plain = CrossEntropyLoss(use_sigmoid=True)
    assert_equal(build(LONG_TAIL, type='EqualizationLossV2'), plain)
    loss = build(LONG_TAIL, type='EqualizationLossV2')
    assert loss.get_cls_channels(3) == 4
    assert_equal(loss, plain, 4)


def test_equalization_v2_of_balanced_gradients():
    """Positives and negatives that weigh the same: weights of 1, up to exp(-12 (g - 0.8))."""
    loss = build(LONG_TAIL, type='EqualizationLossV2')
    loss.load_statistics(torch.tensor([[5.0, 6, 7], [1, 1, 1]]))
    assert_equal(loss, CrossEntropyLoss(use_sigmoid=True))


@pytest.mark.parametrize('settings', [{}, dict(scale_factor=0.0)])
def test_equalized_focal(settings):
    """Before the first step, in balance, and without a scale."""
    loss = build(LONG_TAIL, type='EqualizedFocalLoss', alpha=0.3, gamma=1.5, **settings)
    if settings:
        loss.load_statistics(torch.tensor([[1.0, 2, 3], [9, 8, 7]]))
    assert_equal(loss, FocalLoss(alpha=0.3, gamma=1.5))
    loss.load_statistics(torch.tensor([[3.0, 2, 2], [1, 2, 1]]))
    assert_equal(loss, FocalLoss(alpha=0.3, gamma=1.5))


def test_equalized_quality_focal():
    loss = build(LONG_TAIL, type='EqualizedFocalLoss')
    scores = torch.zeros(len(LABELS), 4)
    scores[torch.arange(len(LABELS)), LABELS] = QUALITY
    assert_equal(loss, QualityFocalLoss(), target=(LABELS, QUALITY))
    assert_equal(loss, QualityFocalLoss(), target=scores[:, :3])


@pytest.mark.parametrize('name', ['EqualizationLoss', 'EqualizationLossV2'])
def test_qualities_of_cross_entropy(name):
    """Qualities are what the scores should be, as in YOLOX."""
    loss = build(LONG_TAIL, type=name, **(dict(tail_share=0.0) if name == 'EqualizationLoss' else {}))
    scores = torch.zeros(len(LABELS), 4)
    scores[torch.arange(len(LABELS)), LABELS] = QUALITY
    logits, other = logits_of(3), logits_of(3)
    loss(logits, (LABELS, QUALITY), reduction_override='sum').backward()
    CrossEntropyLoss(use_sigmoid=True, reduction='sum')(other, scores[:, :3]).backward()
    torch.testing.assert_close(logits.grad, other.grad)


@pytest.mark.parametrize('settings', [dict(p=0.0), dict(p=0.8)])
def test_seesaw_without_compensation(settings):
    """And without mitigation, or before the first step."""
    loss = build(LONG_TAIL, type='SynchronizedSeesawLoss', q=0.0, **settings)
    if settings['p'] == 0:
        loss.load_statistics(torch.tensor([1.0, 20, 3]))
    foreground = LABELS < 3

    def plain(logits, labels, weight, avg_factor=None, reduction_override=None):
        cross_entropy = CrossEntropyLoss()
        classes = torch.zeros(len(labels))
        classes[foreground] = cross_entropy(logits[foreground, :3], labels[foreground], weight[foreground],
                                            reduction_override='none')
        rows = classes + cross_entropy(logits[:, 3:], (~foreground).long(), weight, reduction_override='none')
        return rows if reduction_override else rows.sum() / avg_factor

    assert_equal(loss, plain, 5)


def test_seesaw_of_sigmoids_without_compensation():
    loss = build(LONG_TAIL, type='SynchronizedSeesawLoss', q=0.0, loss=FOCAL, use_sigmoid=True)
    assert_equal(loss, FocalLoss())
