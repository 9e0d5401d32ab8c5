"""The curriculum's worked values, the learnt share against a simulation of its patches, and its gradient."""

import math

import numpy as np
import pytest
import torch

from imbdet.mipa import curriculum_ratio
from imbdet.mipa.ir_ratio import LearnableRatio, pass_gradient_to_ratio


def test_curriculum():
    """By hand, e / 32 and e / 16. The authors count epochs from 0 and draw once their number is above E, not from E on."""
    by_hand = [0, 0.03125, 0.0625, 0.09375, 0.125, 0.15625, 0.1875, 0.21875, 0.25, None, None, None]
    assert [curriculum_ratio(epoch) for epoch in range(12)] == by_hand
    assert [curriculum_ratio(epoch, 4) for epoch in range(7)] == [0, 0.0625, 0.125, 0.1875, 0.25, None, None]


def test_learnable_ratio_is_the_normal_distribution_function():
    ratio = LearnableRatio()
    with torch.no_grad():
        ratio.mean.fill_(0.3)
        ratio.spread.fill_(0.5)
    noise = torch.randn((), generator=torch.Generator().manual_seed(3)).item()
    expected = torch.distributions.Normal(0, 1).cdf(torch.tensor(0.3 + 0.5 * math.tanh(noise)))
    assert ratio(torch.Generator().manual_seed(3)).item() == pytest.approx(expected.item(), abs=1e-6)


def test_learnable_ratio_starts_at_a_third_as_the_authors_does():
    """A patch of theirs is infrared if z - 0.5 > 0 with z from N(0.25 tanh(eps), 1), and eps drawn for each batch."""
    draws = LearnableRatio()(torch.Generator().manual_seed(0), (20000, )).detach().numpy()
    noise = np.random.default_rng(1)
    shift = 0.25 * np.tanh(noise.standard_normal((3000, 1)))
    patches = shift + noise.standard_normal((3000, 400)) - 0.5 > 0
    shares = patches.mean(1)
    assert draws.mean() == pytest.approx(shares.mean(), abs=4 * shares.std() / 3000**0.5)
    binomial = (shares * (1 - shares)).mean() / 400  # theirs varies by the number of patches too, ours is exact
    assert draws.var() == pytest.approx(shares.var() - binomial, rel=0.1)
    ratio = LearnableRatio()
    with torch.no_grad():
        ratio.spread.zero_()
    by_hand = 0.3085375387  # Phi(-0.5), from a table
    assert ratio(torch.Generator()).item() == pytest.approx(by_hand, abs=1e-6)
    assert 0.22 < draws.min() < 0.23  # Phi(-0.75) is 0.2266
    assert 0.40 < draws.max() < 0.4013  # Phi(-0.25) is 0.4013


def test_an_older_checkpoint_keeps_its_start():
    """Which was a mean of 0, a share of a half."""
    ratio = LearnableRatio()
    ratio.load_state_dict({'mean': torch.tensor(0.0), 'spread': torch.tensor(0.25)})
    draws = ratio(torch.Generator().manual_seed(0), (2000, ))
    assert draws.mean().item() == pytest.approx(0.5, abs=0.01)


def test_independent_shares_have_independent_gradients():
    """Of each image's own share, by finite differences of its own expectation."""
    rgb, ir, weights = torch.rand(3, 2, 3, 4, 4, dtype=torch.float64)
    ratio = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    mixed = pass_gradient_to_ratio(rgb.clone(), rgb, ir, ratio)
    assert torch.equal(mixed, rgb)
    (weights * mixed).sum().backward()
    for image in range(2):
        assert ratio.grad[image].item() == pytest.approx((weights[image] * (ir[image] - rgb[image])).sum().item(), rel=1e-9)


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
