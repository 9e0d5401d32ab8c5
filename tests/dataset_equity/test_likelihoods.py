"""Likelihoods and weights against values worked by hand."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from imbdet.dataset_equity import cluster_likelihoods, equity_weights


def test_likelihoods_worked_by_hand():
    likelihoods = cluster_likelihoods(np.array([7, 2, 7, -1, 5, 7, 2, 7]))
    assert likelihoods.tolist() == [1, 0.5, 1, 0, 0.25, 1, 0.5, 1]
    assert likelihoods.dtype == np.float64


@pytest.mark.parametrize(('noise', 'expected'), [
    ('rare', [0.0] * 8 + [1.0] * 4 + [0.25]),
    ('as_cluster', [1.0] * 8 + [0.5] * 4 + [0.125]),
])
def test_noise_larger_than_any_cluster(noise, expected):
    assert cluster_likelihoods(np.array([-1] * 8 + [3] * 4 + [9]), noise).tolist() == expected


@pytest.mark.parametrize('seed', range(5))
def test_random_clusters(seed):
    clusters = np.random.default_rng(seed).integers(-1, 6, 50).tolist()
    sizes = Counter(clusters)
    largest = max(size for cluster, size in sizes.items() if cluster != -1)
    assert cluster_likelihoods(clusters).tolist() == [0 if cluster == -1 else sizes[cluster] / largest for cluster in clusters]
    largest = max(sizes.values())
    assert cluster_likelihoods(clusters, 'as_cluster').tolist() == [sizes[cluster] / largest for cluster in clusters]


def test_wrong_clusters():
    with pytest.raises(ValueError, match="unknown noise policy 'common'; choose one of rare, as_cluster"):
        cluster_likelihoods(np.array([0, 1]), 'common')
    with pytest.raises(ValueError, match='no cluster among 0 images'):
        cluster_likelihoods(np.array([], dtype=int))
    for noise in ('rare', 'as_cluster'):
        with pytest.raises(ValueError, match='no cluster among 3 images; a smaller min_cluster_size finds more'):
            cluster_likelihoods(np.full(3, -1), noise)


# 0.8 ** 5 = 0.32768 and 0.5 ** 5 = 0.03125.
WORKED = {
    1.0: {0: 1, 0.2: 1.32768 / 2, 0.5: 1.03125 / 2, 1: 1 / 2},
    0.5: {0: 1, 0.2: 0.82768 / 1.5, 0.5: 0.53125 / 1.5, 1: 1 / 3},
    0.3: {0: 1, 0.2: 0.62768 / 1.3, 0.5: 0.33125 / 1.3, 1: 3 / 13},
}


@pytest.mark.parametrize('eta', WORKED)
def test_the_papers_settings(eta):
    for likelihood, weight in WORKED[eta].items():
        assert equity_weights(float(likelihood), eta, 5.0) == pytest.approx(weight, abs=1e-12)


def test_defaults_are_the_papers():
    assert equity_weights(0.2) == pytest.approx(0.66384, abs=1e-12)


@pytest.mark.parametrize('eta', [0.01, 0.3, 1.0, 20.0])
@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0, 5.0])
def test_range_and_order(eta, gamma):
    weights = equity_weights(np.linspace(0, 1, 101), eta, gamma)
    assert weights[0] == 1
    assert weights[-1] == pytest.approx(eta / (eta + 1) if gamma else 1)  # 0 ** 0 is 1
    assert (np.diff(weights) <= 0).all()
    assert weights[50] == pytest.approx((eta + math.pow(0.5, gamma)) / (eta + 1))


@pytest.mark.parametrize('kind', [np.float16, np.float32, np.float64])
def test_arrays(kind):
    weights = equity_weights(np.array([[0, 0.2], [0.5, 1]], kind))
    assert weights.dtype == kind
    np.testing.assert_allclose(weights, [[1, 0.66384], [0.515625, 0.5]], rtol=2 * np.finfo(kind).eps)
    assert equity_weights(kind(0.5)) == 0.515625


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors(kind):
    weights = equity_weights(torch.tensor([[0, 0.2], [0.5, 1]], dtype=kind))
    assert weights.dtype == kind
    expected = torch.tensor([[1, 0.66384], [0.515625, 0.5]], dtype=kind)
    torch.testing.assert_close(weights, expected, rtol=2 * torch.finfo(kind).eps, atol=0)


def test_no_likelihoods():
    assert equity_weights(np.empty(0)).shape == (0, )


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(eta=0), 'eta must be above 0, got 0; at 0 common images would weigh nothing'),
    (dict(eta=-1), 'eta must be above 0, got -1'),
    (dict(eta=math.inf), 'eta must be above 0, got inf'),
    (dict(eta=math.nan), 'eta must be above 0, got nan'),
    (dict(gamma=-0.1), 'gamma must be at least 0, got -0.1'),
    (dict(gamma=math.inf), 'gamma must be at least 0, got inf'),
    (dict(gamma=math.nan), 'gamma must be at least 0, got nan'),
])
def test_wrong_settings(keys, message):
    with pytest.raises(ValueError, match=message):
        equity_weights(0.5, **keys)


@pytest.mark.parametrize('likelihood', [-0.001, 1.001, math.nan, math.inf])
def test_wrong_likelihoods(likelihood):  # fault 21
    for values in (likelihood, np.array([0.5, likelihood]), torch.tensor([0.5, likelihood]), np.float32(likelihood)):
        with pytest.raises(ValueError, match=r'likelihoods must be in \[0, 1\]'):
            equity_weights(values)
