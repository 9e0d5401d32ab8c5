"""mmdet's EQLV2Loss and SeesawLoss beside ours: the same where they are right, and what is wrong with them."""

import numpy as np
import pytest
import torch
from mmdet.models.losses import SeesawLoss
from mmdet.models.losses.eqlv2_loss import EQLV2Loss
from mmdet.registry import MODELS

from imbdet.classes import ClassCounts
from imbdet.losses import EqualizationLossV2, SynchronizedSeesawLoss

from ..tiny_detectors import tiny_detector

LABELS = torch.tensor([0, 3, 2, 1, 3, 0, 3, 3])
COUNTS = ClassCounts(np.array([80, 30, 4]), np.array([200, 40, 5]), 100)
N = len(LABELS)


def logits_of(num_outputs, seed=0):
    return torch.randn(N, num_outputs, generator=torch.Generator().manual_seed(seed)).mul(2).requires_grad_()


def ours(kind, **keys):
    loss = kind(**keys)
    loss.set_class_counts(COUNTS)
    loss.get_cls_channels(3)
    return loss


def test_equalization_v2_of_three_steps():
    theirs, loss = EQLV2Loss(num_classes=3), ours(EqualizationLossV2)
    for step in range(3):
        one, other = logits_of(4, step), logits_of(4, step)
        theirs(one, LABELS).backward()
        loss(other, LABELS, avg_factor=float(N)).backward()
        torch.testing.assert_close(one.grad, other.grad)
        loss.advance(loss.noted)
    torch.testing.assert_close(theirs.pos_grad.double(), loss.statistics[0])


def test_their_equalization_v2_is_tested_with_a_softmax():
    """mmdetection#11038: scores of box heads are a softmax of logits that were trained as sigmoids."""
    detectors = []
    for name in ('EQLV2Loss', 'EqualizationLossV2'):
        config = tiny_detector('faster-rcnn')
        config.roi_head.bbox_head.loss_cls = dict(type=name, **(dict(num_classes=3) if name == 'EQLV2Loss' else {}))
        detectors.append(MODELS.build(config).roi_head.bbox_head)
    theirs, own = detectors
    assert not theirs.custom_cls_channels  # so that BBoxHead takes the softmax
    assert own.custom_cls_channels
    assert own.custom_activation


def test_their_equalization_v2_ignores_weights():
    theirs, loss = EQLV2Loss(num_classes=3), ours(EqualizationLossV2)
    none = torch.zeros(N)
    assert theirs(logits_of(4), LABELS, none, avg_factor=1.0) > 1
    assert loss(logits_of(4), LABELS, none, avg_factor=1.0) == 0


def test_their_equalization_v2_without_rows():
    theirs, loss = EQLV2Loss(num_classes=3), ours(EqualizationLossV2)
    empty = torch.zeros(0, 4)
    assert theirs(empty, LABELS[:0]).isnan()
    assert loss(empty, LABELS[:0], avg_factor=1.0) == 0


def test_their_equalization_v2_on_one_of_several_ranks():
    """By default it does not add up the gradients of the ranks."""
    assert not EQLV2Loss(num_classes=3).use_distributed


@pytest.mark.parametrize('weights', [None, torch.tensor([1.0, 1, 2, 1, 1, 0.5, 1, 1])])
def test_seesaw_of_three_steps(weights):
    """Theirs counts the rows of a call before its loss, ours after the step; given the same counts, they are the same."""
    theirs, loss = SeesawLoss(num_classes=3), ours(SynchronizedSeesawLoss)
    for step in range(3):
        one, other = logits_of(5, step), logits_of(5, step)
        expected = theirs(one, LABELS, weights, avg_factor=float(N))
        loss.load_statistics(theirs.cum_samples[:3].clone())
        found = loss(other, LABELS, weights, avg_factor=float(N))
        torch.testing.assert_close(found, sum(expected.values()))
        sum(expected.values()).backward()
        found.backward()
        torch.testing.assert_close(one.grad, other.grad)
    torch.testing.assert_close(loss.get_activation(other), theirs.get_activation(other))


def test_their_seesaw_counts_rows_without_weight():
    theirs, loss = SeesawLoss(num_classes=3), ours(SynchronizedSeesawLoss)
    none = torch.zeros(N)
    theirs(logits_of(5), LABELS, none, avg_factor=1.0)
    loss(logits_of(5), LABELS, none, avg_factor=1.0)
    assert theirs.cum_samples[:3].tolist() == [2, 1, 1]
    assert loss.noted.tolist() == [0, 0, 0]


def test_their_seesaw_counts_calls():
    """The second call of a step, as of a second level, has other counts than the first."""
    theirs, loss = SeesawLoss(num_classes=3), ours(SynchronizedSeesawLoss)
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 1, 2])
    values = [[], []]
    for _ in range(2):
        values[0].append(sum(theirs(logits_of(5), labels, avg_factor=1.0).values()).item())
        values[1].append(loss(logits_of(5), labels, avg_factor=1.0).item())
    assert theirs.cum_samples[0] == 12
    assert values[1][0] == values[1][1]
