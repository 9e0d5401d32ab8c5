"""The operations that compiled mmcv has on GPUs only, against plain loops, forward and backward, through mmcv's functions."""

import mmcv.ops
import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

from imbdet.mmcv_ops import nms
from imbdet.mmcv_ops.line_nms import line_nms_forward

from . import loops
from .cases import OURS, boxes, operations_of


@pytest.fixture(autouse=True)
def ours():
    with operations_of(OURS):
        yield


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def compare(function, reference, *inputs):
    """Compare outputs, and gradients by every input."""
    results = []
    for each in (function, reference):
        leaves = [value.clone().requires_grad_() for value in inputs]
        output = each(*leaves)
        (output * torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)).sum().backward()
        results.append([output.detach(), *[leaf.grad for leaf in leaves]])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('weighted', [False, True])
def test_sigmoid_focal_loss(draw, gamma, weighted):
    target = torch.tensor([0, 2, 3, 3, 1])  # 3 is background, for which mmcv has no weight
    weight = draw(3).abs() if weighted else None
    compare(lambda logits: mmcv.ops.sigmoid_focal_loss(logits, target, gamma, 0.3, weight, 'none'),
            lambda logits: loops.sigmoid_focal_loss(logits, target, gamma, 0.3, weight), 3 * draw(5, 3))


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('weighted', [False, True])
def test_softmax_focal_loss(draw, gamma, weighted):
    target = torch.tensor([0, 2, 1, 1, 1])
    weight = draw(3).abs() if weighted else None
    compare(lambda logits: mmcv.ops.softmax_focal_loss(logits, target, gamma, 0.3, weight, 'sum'),
            lambda logits: loops.softmax_focal_loss(logits, target, gamma, 0.3, weight).sum(), 3 * draw(5, 3))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_focal_losses_of_extreme_logits(dtype):
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype, requires_grad=True)
    for loss in (mmcv.ops.sigmoid_focal_loss, mmcv.ops.softmax_focal_loss):
        for gamma in (0.0, 2.0):
            logits.grad = None
            value = loss(logits, torch.tensor([0, 0]), gamma, 0.25, None, 'sum')
            value.backward()
            assert torch.isfinite(value)
            assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('scale', [1.0, 0.5])
def test_roi_pool(draw, scale):
    features = draw(2, 2, 6, 7)
    rois = torch.tensor([[0, 0, 0, 6, 5], [1, 2, 1, 2, 1], [1, -3, -3, 9, 9], [0, 30, 30, 40, 40], [0, 5, 4, 3, 2],
                         [1, 1.3, 0.2, 4.8, 3.9]], dtype=torch.float64)
    compare(lambda value: mmcv.ops.roi_pool(value, rois, (2, 3), scale),
            lambda value: loops.roi_pool(value, rois, (2, 3), scale), features)


@pytest.mark.parametrize('ratio', [0, 2])
@pytest.mark.parametrize('displaced', [False, True])
def test_deform_roi_pool(draw, ratio, displaced):
    features, offset = draw(2, 2, 6, 7), draw(3, 2, 2, 3)
    rois = torch.tensor([[0, 0, 0, 6, 5], [1, -3, -3, 9, 9], [1, 1.3, 0.2, 4.8, 3.9]], dtype=torch.float64)

    def function(value):
        return mmcv.ops.deform_roi_pool(value, rois, offset if displaced else None, (2, 3), 1.0, ratio, 0.1)

    compare(function, lambda value: loops.deform_roi_pool(value, rois, offset if displaced else offset[:0], (2, 3), 1.0, ratio,
                                                          0.1), features)


def test_gradient_by_displacement(draw):
    rois = torch.tensor([[0, 0.1, 0.2, 4.7, 3.8]], dtype=torch.float64)
    torch.autograd.gradcheck(lambda value, offset: mmcv.ops.deform_roi_pool(value, rois, offset, (2, 2), 1.0, 2, 0.1),
                             (draw(1, 2, 6, 7).requires_grad_(), draw(1, 2, 2, 2).requires_grad_()))


@pytest.mark.parametrize('groups', [1, 2])
@pytest.mark.parametrize('factor', [1, 2])
@pytest.mark.parametrize('kernel', [3, 5])
def test_carafe(draw, groups, factor, kernel):
    features, masks = draw(2, 2, 3, 4), draw(2, groups * kernel * kernel, 3 * factor, 4 * factor)
    compare(lambda *values: mmcv.ops.carafe(*values, kernel, groups, factor),
            lambda *values: loops.carafe(*values, kernel, groups, factor), features, masks)
    found = mmcv.ops.carafe_naive(features, masks, kernel, groups, factor)
    torch.testing.assert_close(found, mmcv.ops.carafe(features, masks, kernel, groups, factor))


def test_multi_scale_deformable_attention(draw):
    shapes = torch.tensor([[3, 4], [2, 1]])
    value, weights = draw(2, 14, 2, 3), draw(2, 3, 2, 2, 2)
    locations = draw(2, 3, 2, 2, 2, 2) / 2 + 0.5  # some outside the maps
    start = torch.tensor([0, 12])
    compare(lambda *values: MultiScaleDeformableAttnFunction.apply(values[0], shapes, start, locations, values[1], 64),
            lambda *values: loops.ms_deform_attn(values[0], shapes, locations, values[1]), value, weights)
    compare(lambda *values: MultiScaleDeformableAttnFunction.apply(values[0], shapes, start, values[1], values[2], 64),
            lambda *values: mmcv.ops.multi_scale_deform_attn.multi_scale_deformable_attn_pytorch(
                values[0], shapes, values[1], values[2]), value, locations, weights)


def test_masked_convolution(draw):
    features, weight, bias = draw(1, 3, 5, 6), draw(4, 3, 3, 3), draw(4)
    mask = (draw(1, 5, 6) > 0).double()
    found = mmcv.ops.masked_conv2d(features, mask, weight, bias, 1)
    torch.testing.assert_close(found, torch.nn.functional.conv2d(features, weight, bias, padding=1) * (mask > 0))


@pytest.mark.parametrize('ties', [False, True])
def test_nms(ties):
    import numpy as np
    random = np.random.RandomState(3)
    found = boxes(random, 60)
    confidence = torch.tensor(random.rand(60).round(1 if ties else 9), dtype=torch.float32)
    kept = nms.nms(found, confidence, 0.3, 0)
    assert kept.tolist() == loops.nms(found, torch.sort(confidence, descending=True).indices, 0.3)


def test_nms_of_half_precision():
    found = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]], dtype=torch.float16)
    assert nms.nms(found, torch.tensor([0.5, 0.75, 0.625]), 0.5, 0).tolist() == [1, 2]


@pytest.mark.parametrize('top_k', [2, 100])
def test_line_nms(top_k):
    generator = torch.Generator().manual_seed(1)
    lanes = torch.rand(30, 77, generator=generator)
    lanes[:, 5:] += torch.randint(0, 3, (30, 1), generator=generator)
    lanes[:, 2] /= 2
    lanes[:, 4] = torch.randint(1, 60, (30, ), generator=generator)
    scores = torch.rand(30, generator=generator)
    keep, number, parents = line_nms_forward(lanes, scores, 0.6, top_k)
    expected, owners = loops.line_nms(lanes, scores, 0.6, top_k)
    assert keep[:number].tolist() == expected
    assert 1 < len(expected) < 30
    assert parents.tolist() == owners or top_k == 2  # after top_k lanes the rest belong to none, or to a kept one
