"""Cosine classifiers: against cosines by loops, mmdet's, and on the heads of detectors."""

import copy

import numpy as np
import pytest
import torch
from mmdet.models.layers import NormedConv2d, NormedLinear
from mmdet.registry import MODELS
from torch.nn import functional

from imbdet.heads import find_class_layers
from imbdet.layers import CosineConv2d, CosineLinear

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set


def test_by_a_loop():
    layer, features = CosineLinear(6, 4, temperature=7), torch.randn(3, 6)
    for row, found in zip(features, layer(features), strict=True):
        for weight, bias, logit in zip(layer.weight, layer.bias, found, strict=True):
            cosine = row.dot(weight) / row.square().sum().sqrt() / weight.square().sum().sqrt()
            torch.testing.assert_close(logit, 7 * cosine + bias)


def test_a_worked_example():
    layer = CosineLinear(2, 2, temperature=10)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4], [0, -0.1]]))
        layer.bias.copy_(torch.tensor([0.0, 1]))
    np.testing.assert_allclose(layer(torch.tensor([[6.0, 8]])).detach(), [[10, 10 * -0.8 + 1]], rtol=1e-6)


def test_mmdet_s():
    layer, theirs = CosineLinear(6, 4), NormedLinear(6, 4, tempearture=20)
    theirs.load_state_dict(layer.state_dict())
    features = torch.randn(5, 6)
    torch.testing.assert_close(layer(features), theirs(features), rtol=1e-4, atol=1e-4)


def test_mmdet_s_convolution():
    """Of 1 x 1 kernels."""
    layer, theirs = CosineConv2d(6, 4, 1), NormedConv2d(6, 4, 1, tempearture=20)
    theirs.load_state_dict(layer.state_dict())
    features = torch.randn(2, 6, 3, 5)
    torch.testing.assert_close(layer(features), theirs(features), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('settings', [dict(kernel_size=3, padding=1), dict(kernel_size=3, stride=2, padding=1),
                                      dict(kernel_size=3, padding=2, dilation=2), dict(kernel_size=1)])
def test_convolution_of_patches(settings):
    """The linear classifier of each patch, padded with zeros."""
    layer = CosineConv2d(3, 4, temperature=5, **settings)
    features = torch.randn(2, 3, 7, 6)
    patches = functional.unfold(features, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    linear = CosineLinear(patches.shape[1], 4, temperature=5)
    with torch.no_grad():
        linear.weight.copy_(layer.weight.flatten(1))
        linear.bias.copy_(layer.bias)
    expected = linear(patches.movedim(1, 2)).movedim(2, 1)
    torch.testing.assert_close(layer(features).flatten(2), expected, rtol=1e-4, atol=1e-5)


def test_lengths_do_not_count():
    layer, features = CosineLinear(6, 4, bias=False), torch.randn(5, 6)
    before = layer(features)
    with torch.no_grad():
        layer.weight.mul_(torch.tensor([[1.0], [2], [3], [0.5]]))
    torch.testing.assert_close(layer(3 * features), before)


def test_a_learned_temperature():
    """Its logarithm is a parameter, so that it cannot turn negative."""
    layer = CosineLinear(6, 4, temperature=20, learn_temperature=True)
    names = dict(layer.named_parameters())
    assert set(names) == {'weight', 'bias', 'temperature.logarithm'}
    optimizer = torch.optim.SGD(layer.parameters(), lr=1)
    (layer(torch.ones(3, 6)) * 5).sum().backward()
    optimizer.step()
    assert layer.temperature.logarithm.item() != pytest.approx(np.log(20))
    assert not list(CosineLinear(6, 4).temperature.parameters())


@pytest.mark.parametrize('temperature', [0, -1.0])
def test_temperatures_out_of_range(temperature):
    with pytest.raises(ValueError, match=f'temperature must be above 0, got {temperature}'):
        CosineLinear(6, 4, temperature=temperature)


def test_convolutions_out_of_range():
    with pytest.raises(ValueError, match='one group and pads with zeros, got groups=2'):
        CosineConv2d(6, 4, 3, groups=2)


def cosine(name):
    config = tiny_detector(name)
    config.bbox_head.head = config.bbox_head.type
    config.bbox_head.type = 'CosineHead'
    return config


@pytest.mark.parametrize('name', ['retinanet', 'fcos', 'atss', 'paa', 'gfl', 'vfnet', 'rtmdet', 'yolox', 'detr',
                                  'deformable-detr', 'dino', 'tood', 'yolof'])
def test_heads(name):
    """The layers of the class logits are replaced, those that branches share by one; all else is mmdet's head."""
    torch.manual_seed(0)
    plain = MODELS.build(tiny_detector(name))
    torch.manual_seed(0)
    detector = MODELS.build(cosine(name))
    assert type(detector.bbox_head) is type(plain.bbox_head)
    expected, found = find_class_layers(plain), find_class_layers(detector)
    assert [layer.names for layer in found] == [layer.names for layer in expected]
    assert all(isinstance(layer.layer, CosineLinear | CosineConv2d) for layer in found)
    assert list(detector.state_dict()) == list(plain.state_dict())
    assert sum(isinstance(module, CosineLinear | CosineConv2d) for module in detector.modules()) == len(found)
    for one in (detector, plain):
        torch.manual_seed(0)
        one.init_weights()
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours.layer.bias, theirs.layer.bias)  # of the prior


@pytest.mark.parametrize('name', ['retinanet', 'yolox', 'deformable-detr'])
def test_training(tmp_path, name):
    """The optimizer moves the weights of the layers that took the place of others."""
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, cosine(name))
    runner.model.init_weights()
    layers = [layer.layer for layer in find_class_layers(runner.model)]
    before = [layer.weight.clone() for layer in layers]
    runner.train()
    assert all(not torch.equal(layer.weight, weight) for layer, weight in zip(layers, before, strict=True))


@pytest.mark.parametrize(('head', 'message'), [
    (dict(type='Shared2FCBBoxHead'), r"write cls_predictor_cfg=dict\(type='CosineLinear'\)"),
    (dict(type='YOLOV3Head', num_classes=3, in_channels=[16] * 3, out_channels=[16] * 3), 'it is not known which layers'),
    (dict(type='GARetinaHead', num_classes=3, in_channels=16), 'is a MaskedConv2d'),
])
def test_heads_that_it_cannot_replace(head, message):
    keys = dict(head)
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='CosineHead', head=keys.pop('type'), **keys))


def test_a_head_scales_its_weights_once(tmp_path):
    """For all levels; a copy, as of a moving average, has weights of its own, and another call scales them anew."""
    head = MODELS.build(cosine('retinanet').bbox_head)
    twin = copy.deepcopy(head)
    features = [torch.randn(1, 16, size, size) for size in (8, 4, 2)]
    one = [head.forward_single(level)[0] for level in features]
    for _ in range(2):
        for found, expected in zip(head(features)[0], one, strict=True):
            torch.testing.assert_close(found, expected)
        assert head.retina_cls._directions is None
    with torch.no_grad():
        twin.retina_cls.weight.neg_()
    for found, expected in zip(twin(features)[0], one, strict=True):
        bias = head.retina_cls.bias[:, None, None]
        torch.testing.assert_close(found - bias, bias - expected)
    sum(level.sum() for level in head(features)[0]).backward()
    gradient = head.retina_cls.weight.grad.clone()
    head.zero_grad()
    sum(head.forward_single(level)[0].sum() for level in features).backward()
    torch.testing.assert_close(head.retina_cls.weight.grad, gradient)


def test_an_error_inside_a_head(tmp_path):
    """Leaves nothing of the failed call behind."""
    head = MODELS.build(cosine('retinanet').bbox_head)
    with pytest.raises(RuntimeError):
        head([torch.randn(1, 3, 4, 4)])
    assert head.retina_cls._directions is None
