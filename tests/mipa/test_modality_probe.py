"""The linear probe on features that carry the modality, that hide it, and that carry it in part."""

import numpy as np
import pytest

from imbdet.mipa.modality_probe import chance_margin, probe_accuracy


def scenes(pairs, places=1, channels=6, seed=0, noise=1.0):
    """Features of pairs that share the scene and differ by noise alone."""
    rng = np.random.default_rng(seed)
    scene = rng.standard_normal((pairs, places, channels))
    return [scene + noise * rng.standard_normal((pairs, places, channels)) for _ in range(2)]


def test_features_that_carry_the_modality():
    rgb, ir = scenes(80)
    ir[..., 2] += 20
    assert probe_accuracy(rgb, ir) == 1


def test_features_that_carry_it_in_part():
    """One channel, N(0, 1) or N(2, 1): a threshold at 1 is the best classifier and right in Phi(1) of the cases."""
    rng = np.random.default_rng(0)
    rgb, ir = rng.standard_normal((2000, 1, 1)), 2 + rng.standard_normal((2000, 1, 1))
    expected = 0.841344746
    assert abs(probe_accuracy(rgb, ir) - expected) < 4 * (expected * (1 - expected) / 2000)**0.5


def test_features_that_hide_it():
    """Accuracies are a mean of fair coins, of which 1.96 standard deviations are exceeded in one case out of twenty."""
    found = [probe_accuracy(*scenes(80, channels=2, seed=seed), seed) for seed in range(100)]
    assert abs(np.mean(found) - 0.5) < 4 * 0.5 / (80 * 100)**0.5  # two coins for each of 40 pairs
    outside = np.sum(np.abs(np.array(found) - 0.5) > chance_margin(80))
    assert outside <= 12  # at most 5 are expected, and 12 are exceeded in 1 of 1000 experiments
    assert probe_accuracy(*scenes(80, noise=0.0)) == 0.5  # the same in both cameras: exactly one of a pair is right


def test_margin_is_that_of_fair_coins():
    """Of one coin for each tested pair, by simulation."""
    means = np.random.default_rng(0).integers(0, 2, (20000, 50)).mean(1)
    assert chance_margin(100) == pytest.approx(1.96 * means.std(), rel=0.02)
    assert chance_margin(101) == pytest.approx(1.96 * 0.5 / 51**0.5)


def test_places_of_an_image_are_in_the_same_half():
    """Each image has a vector of its own, with more channels than images: remembering it would be right about all places."""
    rng = np.random.default_rng(0)
    rgb, ir = (np.repeat(rng.standard_normal((40, 1, 200)), 5, 1) for _ in range(2))
    assert abs(probe_accuracy(rgb, ir) - 0.5) < 4 * 0.5 / 40**0.5
    from sklearn.linear_model import LogisticRegression
    features, labels = np.concatenate([rgb, ir]), np.repeat([0, 1], 40)
    split_by_place = LogisticRegression().fit(features[:, :3].reshape(-1, 200), np.repeat(labels, 3))
    assert split_by_place.score(features[:, 3:].reshape(-1, 200), np.repeat(labels, 2)) == 1


def test_scale_of_features_does_not_matter():
    rgb, ir = scenes(60)
    ir[..., 0] += 1
    assert probe_accuracy(1e3 * rgb + 7, 1e3 * ir + 7) == probe_accuracy(rgb, ir)


def test_seeded():
    rgb, ir = scenes(80)
    ir[..., 0] += 1
    assert probe_accuracy(rgb, ir, 3) == probe_accuracy(rgb, ir, 3)
    assert len({probe_accuracy(rgb, ir, seed) for seed in range(5)}) > 1


def test_errors():
    rgb, ir = scenes(8)
    with pytest.raises(ValueError, match=r'same shape \(pairs, places, channels\), got \(8, 1, 6\) and \(7, 1, 6\)'):
        probe_accuracy(rgb, ir[:7])
    with pytest.raises(ValueError, match='needs at least 4 pairs, got 3'):
        probe_accuracy(rgb[:3], ir[:3])
    ir[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match='features must be finite'):
        probe_accuracy(rgb, ir)
