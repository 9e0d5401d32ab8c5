"""Half precision on the CPU, and on a GPU where there is one, against single precision on the CPU; gradients in double."""

import mmcv.ops
import pytest
import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from torch.autograd import gradcheck

from .cases import OURS, operations_of

DEVICES = ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']
ROIS = torch.tensor([[0, 0.5, 1.5, 6.25, 5.75], [1, -3, -2, 9, 9], [1, 2, 2, 2, 2], [0, 50, 50, 60, 60]])
SHAPES, START = torch.tensor([[3, 4], [2, 1]]), torch.tensor([0, 12])


@pytest.fixture(autouse=True)
def ours():
    with operations_of(OURS):
        yield


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)))


def locations():
    """Points well between pixels: at a pixel the gradient jumps, and half precision may fall on its other side."""
    pixel = torch.floor(3 * draw(2, 3, 2, 2, 2, 2).sigmoid()) - 1
    return (pixel + 0.3 + 0.4 * draw(2, 3, 2, 2, 2, 2).sigmoid() + 0.5) / SHAPES.flip(1)[:, None]


FUNCTIONS = {
    'roi_align': (lambda value: mmcv.ops.roi_align(value, ROIS.to(value), (2, 3), 1.0, 2, 'avg', True), [draw(2, 3, 7, 8)]),
    'roi_align max': (lambda value: mmcv.ops.roi_align(value, ROIS.to(value), (2, 3), 1.0, 0, 'max', False),
                      [draw(2, 3, 7, 8)]),
    'roi_pool': (lambda value: mmcv.ops.roi_pool(value, ROIS.to(value), (2, 3), 1.0), [draw(2, 3, 7, 8)]),
    'deform_conv2d': (lambda *values: mmcv.ops.deform_conv2d(*values, 1, 1),
                      [draw(2, 3, 6, 7), draw(2, 18, 6, 7), draw(4, 3, 3, 3)]),
    'modulated_deform_conv2d': (
        lambda *values: mmcv.ops.modulated_deform_conv2d(*values, 1, 1),
        [draw(2, 3, 6, 7), draw(2, 18, 6, 7), draw(2, 9, 6, 7).sigmoid(), draw(4, 3, 3, 3), draw(4)]),
    'sigmoid_focal_loss': (
        lambda value: mmcv.ops.sigmoid_focal_loss(value, torch.tensor([0, 2, 3], device=value.device), 2.0, 0.25, None, 'none'),
        [draw(3, 3)]),
    'softmax_focal_loss': (
        lambda value: mmcv.ops.softmax_focal_loss(value, torch.tensor([0, 2, 1], device=value.device), 2.0, 0.25, None, 'sum'),
        [draw(3, 3)]),
    'carafe': (lambda *values: mmcv.ops.carafe(*values, 3, 1, 2), [draw(1, 2, 3, 4), draw(1, 9, 6, 8)]),
    'ms_deform_attn': (
        lambda *values: MultiScaleDeformableAttnFunction.apply(
            values[0], SHAPES.to(values[0].device), START.to(values[0].device), values[1], values[2], 64),
        [draw(2, 14, 2, 3), locations(), draw(2, 3, 2, 2, 2)]),
}


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('name', FUNCTIONS)
def test_half_precision(name, device, dtype):
    function, inputs = FUNCTIONS[name]
    inputs = [value.to(dtype) for value in inputs]  # rounded once, for both
    results = []
    for place, number_type in ((device, dtype), ('cpu', torch.float32)):
        leaves = [value.detach().clone().to(place, number_type).requires_grad_() for value in inputs]
        output = function(*leaves)
        output.sum().backward()
        results.append([output, *[leaf.grad for leaf in leaves]])
    for found, expected in zip(*results, strict=True):
        assert found.dtype == dtype
        torch.testing.assert_close(found.float().cpu(), expected, rtol=0.05, atol=0.05 * max(float(expected.abs().max()), 1.0))


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('name', ['roi_align', 'roi_align max', 'deform_conv2d', 'modulated_deform_conv2d', 'carafe'])
def test_gradients_in_double_precision(name, device):
    function, inputs = FUNCTIONS[name]
    assert gradcheck(function, [value.to(device, torch.float64).requires_grad_() for value in inputs], nondet_tol=1e-9)


@pytest.mark.parametrize('name', FUNCTIONS)
def test_inputs_that_are_not_contiguous(name):
    function, inputs = FUNCTIONS[name]
    expected = function(*inputs)
    turned = [value.transpose(0, -1).contiguous().transpose(0, -1) for value in inputs]
    assert name == 'modulated_deform_conv2d' or not any(value.is_contiguous() for value in turned)
    torch.testing.assert_close(function(*turned), expected)
