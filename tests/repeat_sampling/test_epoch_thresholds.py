"""Lengths against the sampler's own functions, and thresholds against the length that they give."""

import math

import numpy as np
import pytest

from imbdet.repeat_sampling import (
    category_frequencies,
    category_repeat_factors,
    count_labels,
    expected_lengths,
    factors_from_frequencies,
    image_repeat_factors,
    rarest_frequencies,
    threshold_for_length,
)


@pytest.fixture(params=[0, 1, 2])
def tail(request):
    """Labels of 300 images, some of them without, with a long tail and a class that none holds."""
    rng = np.random.default_rng(request.param)
    weights = 1 / np.arange(1, 31)**1.5
    labels = [rng.choice(30, rng.integers(0, 5), p=weights / weights.sum()) for _ in range(300)]
    return labels, count_labels(labels, 31)


@pytest.mark.parametrize('method', ['rfs', 'irfs', 'e-irfs'])
def test_factors_of_images_follow_from_their_rarest_class(tail, method):
    labels, counts = tail
    frequencies = category_frequencies(*counts, 300, method)
    assert frequencies[30] == math.inf
    rarest = rarest_frequencies(labels, frequencies)
    for image, frequency in zip(labels, rarest, strict=True):
        assert frequency == min((frequencies[label] for label in image), default=math.inf)
    for threshold in (1e-4, 0.03, 1.0):
        expected = image_repeat_factors(labels, category_repeat_factors(*counts, 300, threshold, method))
        np.testing.assert_array_equal(factors_from_frequencies(rarest, threshold, method), expected)


@pytest.mark.parametrize('method', ['rfs', 'irfs'])
def test_lengths_and_thresholds(tail, method):
    labels, counts = tail
    rarest = rarest_frequencies(labels, category_frequencies(*counts, 300, method))
    thresholds = np.geomspace(1e-4, 1, 9)
    lengths = expected_lengths(rarest, thresholds)
    for threshold, length in zip(thresholds, lengths, strict=True):
        factors = image_repeat_factors(labels, category_repeat_factors(*counts, 300, threshold, method))
        assert length == pytest.approx(factors.sum(), rel=1e-12)
    longest = lengths[-1]
    for target in (300.001, 301, 345, 0.5 * (300 + longest), longest):
        threshold = threshold_for_length(rarest, target)
        assert expected_lengths(rarest, np.array([threshold]))[0] == pytest.approx(target, rel=1e-9)
    assert threshold_for_length(rarest, longest * 1.001) is None


def bisect(frequencies, length, power):
    """The threshold whose epoch has the target length, from sums over single images."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        total = sum(max(1.0, math.pow(middle / frequency, power)) for frequency in frequencies.tolist())
        low, high = (low, middle) if total > length else (middle, high)
    return high


@pytest.mark.parametrize('power', [0.1, 0.25, 0.5, 0.75, 1.0])
def test_thresholds_for_other_powers(tail, power):
    labels, counts = tail
    rarest = rarest_frequencies(labels, category_frequencies(*counts, 300, 'irfs'))
    longest = expected_lengths(rarest, np.array([1.0]), power)[0]
    assert longest == pytest.approx(sum(max(1.0, math.pow(1 / frequency, power)) for frequency in rarest.tolist()))
    for target in (301, 345, 0.5 * (300 + longest)):
        if target < longest:
            assert threshold_for_length(rarest, target, power) == pytest.approx(bisect(rarest, target, power), rel=1e-9)
    assert threshold_for_length(rarest, longest, power) == pytest.approx(1)
    assert threshold_for_length(rarest, longest * 1.001, power) is None


@pytest.mark.parametrize('power', [0, -0.5, 1.1, math.nan])
def test_bad_powers(power):
    with pytest.raises(ValueError, match=r'power must be in \(0, 1\], got'):
        threshold_for_length(np.array([0.25]), 2, power)
    with pytest.raises(ValueError, match=r'power must be in \(0, 1\], got'):
        expected_lengths(np.array([0.25]), np.array([0.5]), power)


def test_threshold_by_hand():
    # Frequencies 1/4 and 1: sqrt(t / (1/4)) + 1 = 2.5 for t = 9/16.
    assert threshold_for_length(np.array([0.25, 1.0]), 2.5) == pytest.approx(9 / 16)
    assert threshold_for_length(np.array([0.25, 1.0, math.inf]), 3.5) == pytest.approx(9 / 16)


def test_at_the_ends():
    assert threshold_for_length(np.array([0.25, 0.5]), 2) == 0.25  # the largest that repeats nothing
    assert threshold_for_length(np.array([math.inf]), 1) is None
    assert threshold_for_length(np.array([]), 0) is None
    with pytest.raises(ValueError, match='at least once, got 1.9'):
        threshold_for_length(np.array([0.25, 0.5]), 1.9)
