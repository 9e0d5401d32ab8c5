"""CAB: boxes of all classes, and of each."""

import numpy as np
import pytest
import torch

from imbdet.layers import SharedBoxLinear


def test_weights_are_mixed():
    """W' = alpha W_0 + (1 - alpha) W_c, for each class and value of its box."""
    layer, features = SharedBoxLinear(6, 12, alpha=0.3), torch.randn(5, 6)
    found = layer(features)
    for label in range(3):
        for value in range(4):
            row = 4 * label + value
            weight = 0.3 * layer.shared.weight[value] + 0.7 * layer.weight[row]
            bias = 0.3 * layer.shared.bias[value] + 0.7 * layer.bias[row]
            torch.testing.assert_close(found[:, row], features @ weight + bias)


def test_a_worked_example():
    layer = SharedBoxLinear(1, 4, alpha=0.5, box_dim=2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0], [2], [3], [4]]))
        layer.shared.weight.copy_(torch.tensor([[10.0], [20]]))
    np.testing.assert_allclose(layer(torch.tensor([[2.0]])).detach(), [[11, 22, 13, 24]])


def test_alpha_of_zero_is_the_linear_layer():
    layer, features = SharedBoxLinear(6, 12, alpha=0), torch.randn(5, 6)
    torch.testing.assert_close(layer(features), torch.nn.functional.linear(features, layer.weight, layer.bias))


def test_all_classes_learn_from_one():
    """A box of class 0 moves the boxes of the others, by the shared weights."""
    layer, features = SharedBoxLinear(6, 12), torch.randn(5, 6)
    before = layer(features).detach()
    layer(features)[:, :4].sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    after = layer(features).detach()
    assert (after != before).all()


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(alpha=1), r'alpha must be in \[0, 1\), got 1; for 1 set reg_class_agnostic=True'),
    (dict(alpha=-0.1), r'alpha must be in \[0, 1\), got -0.1'), (dict(box_dim=5), '12 outputs are not boxes of 5 values'),
    (dict(box_dim=12), 'set reg_class_agnostic=False')])
def test_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        SharedBoxLinear(6, 12, **settings)
