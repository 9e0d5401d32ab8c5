"""What every layer that takes the place of another one must do."""

import copy

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn

import imbdet.layers  # noqa: F401  registers

from ..tiny_detectors import tiny_detector

# By name: the layer, the one that it replaces, and an input for both.
LAYERS = {
    'cosine': (dict(type='CosineLinear', in_features=6, out_features=8), lambda: nn.Linear(6, 8), (5, 6)),
    'cosine, learned': (dict(type='CosineLinear', in_features=6, out_features=8, learn_temperature=True),
                        lambda: nn.Linear(6, 8), (5, 6)),
    'cosine convolution': (dict(type='CosineConv2d', in_channels=6, out_channels=8, kernel_size=3, padding=1),
                           lambda: nn.Conv2d(6, 8, 3, padding=1), (2, 6, 5, 4)),
    'shared box': (dict(type='SharedBoxLinear', in_features=6, out_features=8), lambda: nn.Linear(6, 8), (5, 6)),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    config, replaced, shape = LAYERS[request.param]
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(config)), replaced(), torch.randn(shape)


def test_same_shapes(layer):
    built, replaced, features = layer
    assert built(features).shape == replaced(features).shape


def test_loads_the_checkpoint(layer):
    """All of its parameters have a place, and keep their names."""
    built, replaced, _ = layer
    missing, unexpected = built.load_state_dict(replaced.state_dict(), strict=False)
    assert not unexpected
    assert not set(missing) & set(replaced.state_dict())
    assert torch.equal(built.weight, replaced.weight)
    assert torch.equal(built.bias, replaced.bias)


def test_is_one_of_its_kind(layer):
    """For what looks for linear layers or convolutions: initialization, calibration, export."""
    built, replaced, _ = layer
    assert isinstance(built, type(replaced))


def test_gradients(layer):
    built, _, features = layer
    built = built.double()
    assert torch.autograd.gradcheck(built, features.double().requires_grad_())
    built(features.double()).square().sum().backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad.any(), name


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(layer, dtype):
    """Under autocast, also with features whose squares half precision cannot hold."""
    built, _, features = layer
    features = (features * 500).to(dtype)
    with torch.autocast('cpu', dtype):
        found = built(features)
    assert found.isfinite().all()
    expected = built(features.float())
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02 * expected.abs().max().item())


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_models_in_half_precision(layer, dtype):
    """Without autocast, the outputs are of the dtype of the model."""
    built, replaced, features = layer
    assert built.to(dtype)(features.to(dtype)).dtype == replaced.to(dtype)(features.to(dtype)).dtype == dtype


def test_features_of_zeros(layer):
    """No NaN, nor in the gradient."""
    built, _, features = layer
    features = torch.zeros_like(features, requires_grad=True)
    built(features).sum().backward()
    assert features.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in built.parameters())


def test_without_rows(layer):
    built, _, features = layer
    assert built(features[:0]).numel() == 0


@pytest.mark.parametrize('name', ['faster-rcnn', 'cascade-rcnn'])
def test_in_box_heads(name):
    """Each box head of a detector, built and initialized from its config."""
    config = tiny_detector(name)
    heads = config.roi_head.bbox_head
    for head in heads if isinstance(heads, list) else [heads]:
        head.update(cls_predictor_cfg=dict(type='CosineLinear'), reg_predictor_cfg=dict(type='SharedBoxLinear'),
                    reg_class_agnostic=False)
    detector = MODELS.build(config)
    detector.init_weights()
    built = detector.roi_head.bbox_head
    for head in built if isinstance(built, nn.ModuleList) else [built]:
        assert type(head.fc_cls).__name__ == 'CosineLinear'
        assert type(head.fc_reg).__name__ == 'SharedBoxLinear'
        assert head.fc_reg.shared.weight.std() < 0.01  # as the head initializes its regression
