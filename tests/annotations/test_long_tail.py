"""Targets by loops over the formulas, images against all subsets."""

import itertools
import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from imbdet.annotations.long_tail import choose_images, tail_targets


def cost_of(amounts, targets, kept):
    """The cost as the docstring has it; infinite if a class is lost."""
    cost = 0.0
    for label in range(amounts.shape[1]):
        total = sum(amounts[image, label] for image in range(len(amounts)))
        count = sum(amounts[image, label] for image in range(len(amounts)) if kept[image])
        if total:
            wanted = min(total, targets[label])
            cost += abs(count - wanted) / wanted if count else math.inf
    return cost


def random_amounts(seed, num_images=11, num_classes=4, most=1):
    rng = np.random.default_rng(seed)
    return rng.integers(1, most + 1, (num_images, num_classes)) * (rng.random((num_images, num_classes)) < 0.45)


@pytest.mark.parametrize('ratio', [1, 2.5, 10, 100])
@pytest.mark.parametrize('num_classes', [2, 3, 10])
def test_exponential_targets_are_those_of_cifar_lt(ratio, num_classes):
    """The formula of its authors' code, of as many images in every class; they cut off what is rounded here."""
    targets = tail_targets(np.full(num_classes, 5000), ratio)
    for label in range(num_classes):
        theirs = 5000 * (1 / ratio)**(label / (num_classes - 1.0))
        assert abs(targets[label] - theirs) <= 0.5


@pytest.mark.parametrize('ratio', [1, 2.5, 10, 256])
def test_pareto_targets_have_its_tail(ratio):
    """P(X > x) of a Pareto distribution with power 6 and a minimum of 1, which the last class has at ratio to 1."""
    targets = tail_targets(np.full(9, 100_000), ratio, 'pareto')
    last = ratio ** (1 / 6)
    for label in range(9):
        x = 1 + (last - 1) * label / 8
        assert abs(targets[label] - 100_000 / x**6) <= 0.5
    assert targets[0] == 100_000
    assert abs(targets[-1] - 100_000 / ratio) <= 0.5
    if ratio > 1:
        assert (targets[1:-1] < tail_targets(np.full(9, 100_000), ratio)[1:-1]).all()


def test_classes_are_ranked_by_their_counts():
    assert tail_targets(np.array([20, 0, 1000, 20, 500]), 1000).tolist() == [10, 0, 1000, 1, 100]


def test_a_single_class_and_targets_below_one():
    assert tail_targets(np.array([0, 7]), 100).tolist() == [0, 7]
    assert tail_targets(np.array([10, 10, 10]), 10_000).tolist() == [10, 1, 1]


@pytest.mark.parametrize(('arguments', 'message'), [
    (([3, 2], 0.5), 'ratio must be at least 1 and finite, got 0.5'), (([3, 2], math.nan), 'got nan'),
    (([3, 2], math.inf), 'got inf'),
    (([3, 2], 10, 'linear'), "curve must be one of exponential, pareto, got 'linear'"), (([0, 0], 10), 'no class occurs')])
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tail_targets(np.array(arguments[0]), *arguments[1:])


@pytest.mark.parametrize(('most', 'mean_gap'), [(1, 1e-9), (3, 0.1)])
def test_the_best_of_all_subsets_or_near_to_it(most, mean_gap):
    """Of images of each class it is the best; of up to three boxes it is near, though the sets are tiny."""
    gaps = []
    for seed in range(20):
        amounts = random_amounts(seed, most=most)
        targets = np.random.default_rng(seed).integers(1, 2 * amounts.sum(axis=0) + 1)  # some above what there is
        kept = choose_images(csr_array(amounts), targets, seed)
        best = min(cost_of(amounts, targets, subset) for subset in subsets(amounts))
        gaps.append(cost_of(amounts, targets, kept) - best)
    assert min(gaps) > -1e-9
    assert np.mean(gaps) < mean_gap


def subsets(amounts):
    """All subsets that keep images without classes, and every class."""
    choices = [(True, False) if row.any() else (True,) for row in amounts]
    return itertools.product(*choices)


@pytest.mark.parametrize('seed', range(3))
def test_nothing_is_better_by_one_image(seed):
    amounts = random_amounts(seed, num_images=60, num_classes=5, most=4)
    targets = tail_targets(amounts.sum(axis=0), 20)
    kept = choose_images(csr_array(amounts), targets, seed)
    cost = cost_of(amounts, targets, kept)
    for image in np.flatnonzero(amounts.any(axis=1)):
        other = kept.copy()
        other[image] = not kept[image]
        assert cost_of(amounts, targets, other) >= cost - 1e-9


def test_targets_are_reached_exactly_by_images_of_one_class():
    labels = np.repeat(np.arange(10), 200)
    amounts = csr_array((np.ones(2000, dtype=np.int64), (np.arange(2000), labels)))
    targets = tail_targets(np.full(10, 200), 50)
    kept = choose_images(amounts, targets)
    assert np.bincount(labels[kept]).tolist() == targets.tolist()


def test_every_class_stays_and_images_without_classes_too():
    """Ten boxes in one image are far above a target of one, but without it there would be none."""
    amounts = np.array([[1, 0]] * 20 + [[0, 10]] + [[0, 0]] * 3)
    kept = choose_images(csr_array(amounts), np.array([5, 1]))
    assert kept[20:].all()
    assert kept[:20].sum() == 5


def test_a_set_below_its_targets_stays_whole():
    amounts = random_amounts(1, num_images=40)
    assert choose_images(csr_array(amounts), np.full(4, 1000)).all()


def test_seeds_repeat_and_differ():
    amounts = csr_array(random_amounts(0, num_images=200, num_classes=3))
    targets = tail_targets(amounts.sum(axis=0), 20)
    chosen = [choose_images(amounts, targets, seed) for seed in (0, 0, 1)]
    assert (chosen[0] == chosen[1]).all()
    assert (chosen[0] != chosen[2]).any()
    assert cost_of(amounts.toarray(), targets, chosen[2]) == pytest.approx(cost_of(amounts.toarray(), targets, chosen[0]))
