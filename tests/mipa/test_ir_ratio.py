"""The curriculum's worked values, and the gradient of the learnt share."""

import math

import pytest
import torch

from imbdet.mipa import curriculum_ratio
from imbdet.mipa.ir_ratio import LearnableRatio, pass_gradient_to_ratio


def test_curriculum():
    assert [curriculum_ratio(epoch) for epoch in (0, 4, 7, 8, 11)] == [0, 0.125, 0.21875, None, None]
    assert [curriculum_ratio(epoch, 4) for epoch in (0, 2, 3, 4)] == [0, 0.125, 0.1875, None]


def test_learnable_ratio_is_the_normal_distribution_function():
    ratio = LearnableRatio()
    with torch.no_grad():
        ratio.mean.fill_(0.3)
        ratio.spread.fill_(0.5)
    noise = torch.randn((), generator=torch.Generator().manual_seed(3)).item()
    expected = torch.distributions.Normal(0, 1).cdf(torch.tensor(0.3 + 0.5 * math.tanh(noise)))
    assert ratio(torch.Generator().manual_seed(3)).item() == pytest.approx(expected.item(), abs=1e-6)
    draws = torch.stack([LearnableRatio()(torch.Generator().manual_seed(seed)) for seed in range(2000)])
    assert draws.mean().item() == pytest.approx(0.5, abs=0.01)
    assert 0.55 < draws.max().item() < 0.6  # Phi(0.25) is 0.5987


def test_gradient_is_that_of_the_expectation():
    """Of rho x_ir + (1 - rho) x_rgb, by finite differences; the images stay as they are."""
    rgb, ir = torch.rand(2, 2, 3, 8, 8, dtype=torch.float64)
    weights = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    ratio = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    mixed = pass_gradient_to_ratio(rgb.clone(), rgb, ir, ratio)
    assert torch.equal(mixed, rgb)
    (weights * mixed).sum().backward()

    def expectation(value):
        return (weights * (value * ir + (1 - value) * rgb)).sum()

    assert ratio.grad.item() == pytest.approx(((expectation(0.41) - expectation(0.39)) / 0.02).item(), rel=1e-9)
