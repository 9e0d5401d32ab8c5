"""The weights against a plain loop over iterations."""

import math

import pytest
import torch

from imbdet.heads import match_all
from imbdet.sampling_free import guided_weight, match_pairs
from imbdet.sampling_free.loss_ratio import sum_levels

# Regression and classification losses of six iterations; the third has no positive, the fifth no classification loss.
LOSSES = [(0.5, 2.0), (0.25, 4.0), (0.0, 3.0), (1.5, 3.0), (0.4, 0.0), (0.3, 1.0)]


def weights_of(losses, **keys):
    average, weights = torch.zeros(2, 1), []
    for regression, classification in losses:
        weight, average = guided_weight(torch.tensor([regression]), torch.tensor([classification]), average, **keys)
        weights.append(weight.item())
    return weights, average


def test_each_iteration_anew():
    weights, _ = weights_of(LOSSES)
    assert weights == pytest.approx([0.25, 0.0625, 0, 0.5, 0, 0.3])


@pytest.mark.parametrize('momentum', [0.1, 1.0])
def test_momentum(momentum):
    expected, average = [], None
    for regression, classification in LOSSES:
        if regression == 0 or classification == 0:  # nothing to guide by
            expected.append(0)
            continue
        ratio = regression / classification
        average = ratio if average is None else (1 - momentum) * average + momentum * ratio
        expected.append(average)
    assert weights_of(LOSSES, momentum=momentum)[0] == pytest.approx(expected)


@pytest.mark.parametrize('batches', [1, 2, 3, 100])
@pytest.mark.parametrize('key', ['freeze_after', 'average_over'])
def test_freezing(key, batches):
    """``freeze_after`` keeps the last ratio, ``average_over`` the mean."""
    expected, ratios = [], []
    for regression, classification in LOSSES:
        frozen = len(ratios) >= batches
        usable = regression > 0 and classification > 0
        ratio = regression / classification if usable else 0
        kept = ratios[-1:] if key == 'freeze_after' else ratios
        expected.append(sum(kept) / len(kept) if frozen else ratio)
        if usable and not frozen:
            ratios.append(ratio)
    assert weights_of(LOSSES, **{key: batches})[0] == pytest.approx(expected)


def test_what_is_kept_may_be_averaged_over_ranks():
    first, average = guided_weight(torch.tensor([1.0]), torch.tensor([4.0]), torch.zeros(2, 1), freeze_after=1,
                                   last=torch.tensor([0.75]))
    second, _ = guided_weight(torch.tensor([1.0]), torch.tensor([4.0]), average, freeze_after=1, last=torch.tensor([9.0]))
    assert (first.item(), second.item()) == (0.25, 0.75)


def test_going_on_from_a_saved_average():
    whole, _ = weights_of(LOSSES, momentum=0.3)
    _, average = weights_of(LOSSES[:2], momentum=0.3)
    weight, _ = guided_weight(torch.tensor([1.5]), torch.tensor([3.0]), average, momentum=0.3)
    assert weight.item() == pytest.approx(whole[3])


@pytest.mark.parametrize('bad', [math.nan, math.inf])
@pytest.mark.parametrize('place', [0, 1])
def test_a_loss_that_is_not_finite_leaves_the_average(bad, place):  # fault 21
    losses = [1.0, 2.0]
    losses[place] = bad
    weights, average = weights_of([(0.5, 2.0), tuple(losses)], momentum=0.5)
    assert average[0].item() == pytest.approx(0.25)
    assert not math.isnan(weights[1])


def test_pairs_do_not_mix():
    weights, average = guided_weight(torch.tensor([0.5, 0.0, 3.0]), torch.tensor([2.0, 1.0, 1.0]), torch.zeros(2, 3))
    assert weights.tolist() == pytest.approx([0.25, 0, 3])
    assert average[1].tolist() == [1, 0, 1]


def test_total_is_what_mmengine_adds_up():  # fault 21
    levels = [torch.tensor([1., 3.], requires_grad=True), torch.tensor(0.5), torch.tensor([[2.]])]
    assert sum_levels(levels).item() == 4.5
    assert sum_levels(levels[0]).item() == 2
    assert not sum_levels(levels).requires_grad
    assert sum_levels([torch.tensor(6e4, dtype=torch.float16)] * 3).item() == pytest.approx(3 * 6e4, rel=1e-3)  # above fp16


@pytest.mark.parametrize(('names', 'pairs'), [
    (['loss_cls', 'loss_bbox', 'loss_centerness'], {'loss_cls': ('loss_bbox', )}),
    (['loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'acc', 'loss_bbox', 'loss_mask'],
     {'loss_rpn_cls': ('loss_rpn_bbox', ), 'loss_cls': ('loss_bbox', )}),
    (['loss_rpn_cls', 'loss_rpn_bbox', 's0.loss_cls', 's0.loss_bbox', 's1.loss_cls', 's1.loss_bbox'],
     {'loss_rpn_cls': ('loss_rpn_bbox', ), 's0.loss_cls': ('s0.loss_bbox', ), 's1.loss_cls': ('s1.loss_bbox', )}),
    (['loss_cls', 'loss_bbox', 'loss_obj', 'loss_l1'], {'loss_obj': ('loss_bbox', )}),
    (['loss_cls', 'loss_conf', 'loss_xy', 'loss_wh'], {'loss_conf': ('loss_xy', 'loss_wh')}),
    (['enc_loss_cls', 'enc_loss_bbox', 'd0.dn_loss_cls', 'd0.dn_loss_bbox', 'loss_iou'],
     {'enc_loss_cls': ('enc_loss_bbox', ), 'd0.dn_loss_cls': ('d0.dn_loss_bbox', )}),
    (['loss_cls', 'loss_mask'], {}),
    (['loss_heatmap'], {}),
])
def test_matching_by_name(names, pairs):
    assert match_pairs(names) == pairs


@pytest.mark.parametrize(('names', 'pairs'), [
    (['loss_cls', 'loss_bbox', 'loss_centerness'], {'loss_cls': ('loss_bbox', 'loss_centerness')}),
    (['loss_cls', 'loss_bbox', 'loss_iou'], {'loss_cls': ('loss_bbox', 'loss_iou')}),
    (['loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'acc', 'loss_bbox', 'loss_mask'],
     {'loss_rpn_cls': ('loss_rpn_bbox', ), 'loss_cls': ('loss_bbox', 'loss_mask')}),
    (['s0.loss_cls', 's0.acc', 's0.loss_bbox', 's1.loss_cls', 's1.loss_bbox'],
     {'s0.loss_cls': ('s0.loss_bbox', ), 's1.loss_cls': ('s1.loss_bbox', )}),
    (['loss_cls', 'loss_bbox', 'loss_obj', 'loss_l1'], {'loss_obj': ('loss_bbox', 'loss_l1')}),
    (['d0.dn_loss_cls', 'd0.dn_loss_bbox', 'd0.dn_loss_iou', 'loss_cls', 'loss_bbox'],
     {'d0.dn_loss_cls': ('d0.dn_loss_bbox', 'd0.dn_loss_iou'), 'loss_cls': ('loss_bbox', )}),
    (['loss_cls'], {}),
])
def test_matching_all_others(names, pairs):
    assert match_all(names) == pairs
