"""Repeat factors against the papers' formulas, LVIS v1's real counts and exact expectations."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from imbdet.repeat_sampling import (
    category_repeat_factors,
    epoch_length,
    factors_from_frequencies,
    image_repeat_factors,
    systematic_indices,
    weighted_indices,
)

NUM_IMAGES = 100170


@pytest.fixture(scope='module')
def lvis():
    """Counts of LVIS v1's 1,203 categories, from its training annotations."""
    with open(Path(__file__).parents[1] / 'stored' / 'lvis_v1_counts.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    return {'name': [row['name'] for row in rows], 'frequency': np.array([row['frequency'] for row in rows]),
            'images': np.array([int(row['image_count']) for row in rows]),
            'instances': np.array([int(row['instance_count']) for row in rows])}


@pytest.mark.parametrize(('method', 'repeated', 'rare', 'common', 'largest', 'aerosol_can', 'length'), [
    ('rfs', (337, 461, 0), 5.8884, 1.8544, 10.0085, 1.2511, 1.1467),
    ('irfs', (337, 458, 99), 9.6831, 2.8637, 18.8863, 2.0665, 1.3758),
])
def test_lvis_v1(lvis, method, repeated, rare, common, largest, aerosol_can, length):
    assert lvis['instances'].sum() == 1270141
    factors = category_repeat_factors(lvis['images'], lvis['instances'], NUM_IMAGES, 1e-3, method)
    for group, count in zip('rcf', repeated, strict=True):
        assert np.count_nonzero(factors[lvis['frequency'] == group] > 1) == count
    assert factors[lvis['frequency'] == 'r'].mean() == pytest.approx(rare, abs=5e-5)
    assert factors[lvis['frequency'] == 'c'].mean() == pytest.approx(common, abs=5e-5)
    assert factors.max() == pytest.approx(largest, abs=5e-5)
    assert factors[lvis['name'].index('bait')] == factors.max()
    assert factors[lvis['name'].index('aerosol_can')] == pytest.approx(aerosol_can, abs=5e-5)
    assert factors[lvis['name'].index('person')] == 1
    assert 1 + (lvis['images'] * (factors - 1)).sum() / NUM_IMAGES == pytest.approx(length, abs=5e-5)


def test_formulas_by_hand():
    # 4 images, 10 boxes: f_img = 1/4, f_inst = 1/10.
    arguments = ([1, 4], [1, 9], 4, 0.5)
    assert category_repeat_factors(*arguments, 'rfs') == pytest.approx([math.sqrt(0.5 / 0.25), 1])
    assert category_repeat_factors(*arguments, 'irfs') == pytest.approx([math.sqrt(0.5 / math.sqrt(0.25 * 0.1)), 1])
    expected = [math.exp(2 * math.sqrt(0.5 / math.sqrt(0.25 * 0.1))), math.exp(2 * math.sqrt(0.5 / math.sqrt(0.9)))]
    assert category_repeat_factors(*arguments, 'e-irfs') == pytest.approx(expected)


@pytest.mark.parametrize('method', ['rfs', 'irfs'])
@pytest.mark.parametrize('power', [0.1, 0.25, 0.5, 0.75, 1.0])
def test_powers_against_a_loop(lvis, method, power):
    factors = category_repeat_factors(lvis['images'], lvis['instances'], NUM_IMAGES, 0.01, method, power=power)
    for images, boxes, factor in zip(lvis['images'].tolist(), lvis['instances'].tolist(), factors, strict=True):
        frequency = images / NUM_IMAGES
        if method == 'irfs':
            frequency = math.sqrt(frequency * boxes / 1270141)
        assert factor == pytest.approx(max(1.0, math.pow(0.01 / frequency, power)), rel=1e-12)


@pytest.mark.parametrize(('power', 'largest', 'length'), [(0.25, 3.164, 1.0563), (0.75, 31.663, 1.3042), (1.0, 100.17, 1.6034)])
def test_lvis_v1_with_other_powers(lvis, power, largest, length):
    factors = category_repeat_factors(lvis['images'], lvis['instances'], NUM_IMAGES, 1e-3, 'rfs', power=power)
    assert factors.max() == factors[lvis['name'].index('bait')] == pytest.approx(largest, abs=5e-4)
    assert 1 + (lvis['images'] * (factors - 1)).sum() / NUM_IMAGES == pytest.approx(length, abs=5e-5)


def test_the_papers_power_takes_square_roots(lvis):
    """To the bit, so that trainings keep their order of images."""
    frequencies = lvis['images'] / NUM_IMAGES
    expected = np.maximum(1.0, np.sqrt(1e-3 / frequencies))
    for keys in ({}, {'power': 0.5}):
        np.testing.assert_array_equal(factors_from_frequencies(frequencies, 1e-3, 'rfs', **keys), expected)


def test_epoch_of_lvis_with_all_classes_alike(lvis):
    """Power 1 and threshold 1: longest if no image has two classes, shortest if images with a class have all commoner ones."""
    counts = np.sort(lvis['images'])
    factors = category_repeat_factors(counts, counts, NUM_IMAGES, 1.0, 'rfs', power=1.0)
    assert factors * counts == pytest.approx(NUM_IMAGES)
    longest = counts @ factors + NUM_IMAGES - counts.sum()
    nested = np.ones(NUM_IMAGES)
    for count, factor in zip(counts[::-1], factors[::-1], strict=True):
        nested[:count] = factor
    assert [nested.sum() / NUM_IMAGES, longest / NUM_IMAGES] == pytest.approx([9.125, 1200.397], abs=5e-4)


@pytest.mark.parametrize('method', ['rfs', 'irfs', 'e-irfs'])
def test_category_without_images_repeats_nothing(method):  # fault 21
    factors = category_repeat_factors([0, 2], [0, 5], 2, 1e-3, method)
    assert factors[0] == 1
    assert np.isfinite(factors).all()
    assert category_repeat_factors([0], [0], 1, 1e-3, method).tolist() == [1]


@pytest.mark.parametrize('threshold', [0, -1e-3, float('nan'), 1.5, float('inf')])
def test_bad_threshold(threshold):  # fault 3
    with pytest.raises(ValueError, match='threshold'):
        category_repeat_factors([1], [1], 1, threshold)


def test_bad_method_and_counts():  # fault 3
    with pytest.raises(ValueError, match="unknown method 'irf'"):
        category_repeat_factors([1], [1], 1, 1e-3, 'irf')
    for counts in (([-1], [1], 1), ([2], [1], 5), ([2], [3], 1), ([1, 1], [1], 2)):
        with pytest.raises(ValueError, match='counts'):
            category_repeat_factors(*counts, 1e-3)


def test_image_factors_against_a_loop():  # fault 1
    rng = np.random.default_rng(0)
    category_factors = 1 + rng.random(7)
    labels = [rng.integers(7, size=size) for size in rng.integers(0, 5, 200)]
    expected = [max((category_factors[label] for label in image), default=1.0) for image in labels]
    assert any(len(image) == 0 for image in labels)
    assert image_repeat_factors(labels, category_factors).tolist() == expected
    assert image_repeat_factors([[], []], category_factors).tolist() == [1, 1]
    assert image_repeat_factors([], category_factors).tolist() == []


@pytest.mark.parametrize('factors', [
    np.array([1.01, 1.0, 1.0]), np.array([1.0, 2.5, 3.25]), np.ones(5),
    1 + np.random.default_rng(1).exponential(1, 50)
])
def test_systematic_rounding_is_exact(factors):  # fault 2
    draws, length = 20000, epoch_length(factors)
    rng = np.random.default_rng(2)
    counts = np.stack([np.bincount(systematic_indices(factors, rng), minlength=len(factors)) for _ in range(draws)])
    assert (counts.sum(1) == length).all()
    # Floor or ceiling of the factor, and once more where the image settles the length.
    slack = length - factors.sum()
    assert (counts >= np.floor(factors)).all()
    assert (counts <= np.ceil(factors) + (slack > 1e-6)).all()
    # The expectation is the factor plus the image's share of the slack: within 5 standard errors.
    error = counts.std(0) / math.sqrt(draws)
    assert (np.abs(counts.mean(0) - factors - slack / len(factors)) <= 5 * error + 1e-9).all()


def test_length_of_whole_sums_is_not_rounded_up():  # fault 5
    assert epoch_length(np.full(10, 1.1)) == 11  # 11.000000000000002 in floating point
    assert epoch_length(np.ones(100170)) == 100170


def test_weighted_draw_follows_the_factors():
    factors, rng = np.array([1.0, 2.0, 5.0]), np.random.default_rng(3)
    counts = sum(np.bincount(weighted_indices(factors, rng), minlength=3) for _ in range(20000))
    assert counts / 60000 == pytest.approx(factors / 8, abs=0.01)


def test_order_without_shuffling():
    rng = np.random.default_rng(4)
    assert systematic_indices(np.array([1.0, 2.0, 1.0]), rng, shuffle=False).tolist() == [0, 1, 1, 2]
    assert (np.diff(weighted_indices(np.ones(50), rng, shuffle=False)) >= 0).all()
