import itertools

import numpy as np
import pytest
from scipy.sparse import csr_array

from imbdet.annotations.splitting.partition import Partition
from imbdet.annotations.splitting.stratify import iterative_stratification, stratify


def missing(counts, parts, num_parts, train_part):
    """Features that are not where they should be, all and in training, by loops."""
    everywhere, in_training = 0, 0
    for feature in range(counts.shape[1]):
        holders = [group for group in range(len(counts)) if counts[group, feature] > 0]
        for part in range(num_parts):
            is_wanted = len(holders) >= num_parts or train_part in (None, part)
            if holders and is_wanted and not any(parts[group] == part for group in holders):
                everywhere += 1
                in_training += part == train_part
    return everywhere, in_training


def deviation(counts, sizes, parts, shares):
    """Squared deviations as in the docstring, by loops."""
    total = 0
    for amounts, weight in [*((column, 1) for column in counts.T), (sizes, counts.shape[1] + 1)]:
        for part, share in enumerate(shares):
            if amounts.sum():
                total += weight * (amounts[parts == part].sum() / amounts.sum() - share)**2
    return total


def all_divisions(num_groups, num_parts):
    for parts in itertools.product(range(num_parts), repeat=num_groups):
        if len(set(parts)) == num_parts:
            yield np.array(parts)


def random_case(seed, num_parts):
    rng = np.random.default_rng(seed)
    shape = rng.integers(num_parts, 9 if num_parts == 2 else 7), rng.integers(1, 7)
    counts = rng.poisson(rng.uniform(0.2, 1), shape) * rng.integers(1, 5, shape) * (rng.random(shape) < 0.6)
    return counts, rng.integers(1, 4, shape[0])


@pytest.mark.parametrize(('shares', 'train_part'), [([0.8, 0.2], 0), ([1 / 3] * 3, None), ([0.3, 0.5, 0.2], 1)])
@pytest.mark.parametrize('seed', range(6))
def test_as_many_features_as_possible_are_in_all_parts_and_shares_are_close_to_the_best(seed, shares, train_part):
    counts, sizes = random_case(seed, len(shares))
    parts = stratify(counts, sizes, shares, seed, train_part)
    assert len(set(parts)) == len(shares)

    def cost(division):
        return *missing(counts, division, len(shares), train_part), deviation(counts, sizes, division, shares)

    best = min(map(cost, all_divisions(len(sizes), len(shares))))
    assert cost(parts)[:2] == best[:2]
    assert cost(parts)[2] <= 1.05 * best[2]


@pytest.mark.parametrize('seed', range(8))
def test_features_of_few_groups_that_conflict(seed):
    rng = np.random.default_rng(seed)
    counts = np.zeros((9, 14), dtype=int)
    for feature in range(14):
        counts[rng.choice(9, rng.choice([1, 2, 2, 2, 3]), replace=False), feature] = rng.integers(1, 5)
    parts = stratify(counts, np.ones(9, dtype=int), [0.8, 0.2], seed)
    best = min(missing(counts, division, 2, 0) for division in all_divisions(9, 2))
    assert best[0] > 0
    assert missing(counts, parts, 2, 0) == best


def test_a_feature_of_one_group_is_in_training():
    counts = np.diag([1, 1, 1, 0, 0, 0])
    parts = stratify(counts, [1] * 6, [0.5, 0.5], train_part=1)
    assert parts.tolist() == [1, 1, 1, 0, 0, 0]


def test_each_part_has_a_group_even_if_all_groups_have_a_feature_of_their_own():
    assert sorted(stratify(np.eye(4), [1] * 4, [0.9, 0.1])) == [0, 0, 0, 1]


def test_of_features_that_cannot_be_in_both_parts_training_gets_more():
    counts = np.array([[1, 0, 1], [0, 1, 1]])  # the third feature is in both groups, the others bind one group each to training
    parts = stratify(np.vstack([counts, np.zeros((3, 3))]), [1] * 5, [0.8, 0.2])
    assert parts[:2].tolist() == [0, 0]


@pytest.mark.parametrize('num_parts', [2, 3])
def test_what_a_move_and_a_swap_cost(num_parts):
    rng = np.random.default_rng(num_parts)
    counts = rng.poisson(0.7, (12, 6)) * rng.integers(1, 9, (12, 6))
    counts[:, -1] = rng.integers(1, 4, 12)
    shares, weights = np.full(num_parts, 1 / num_parts), rng.integers(1, 5, 6)
    needed = rng.integers(0, 3, (6, num_parts)) * 100

    def cost(parts):
        total = 0.0
        for feature in range(6):
            for part in range(num_parts):
                amount = counts[parts == part, feature].sum()
                total += needed[feature, part] * (amount == 0)
                total += weights[feature] * (amount / counts[:, feature].sum() - shares[part])**2
        return total

    parts = rng.integers(0, num_parts, 12)
    partition = Partition(csr_array(counts), shares, weights, needed, parts)
    assert sum(partition.cost()) == pytest.approx(cost(parts))
    for _ in range(30):  # moves keep the sums up to date
        before = cost(partition.parts)
        group, part = rng.integers(12), rng.integers(num_parts)
        source = partition.parts[group]
        for target, change in enumerate(partition.move_costs(group)):
            assert before + change == pytest.approx(cost(np.where(np.arange(12) == group, target, partition.parts)))
        if part != source:
            for partner, change in enumerate(partition.swap_costs(group, part, np.arange(12))):
                swapped = partition.parts.copy()
                swapped[[group, partner]] = part, source
                expected = cost(swapped) - before if partition.parts[partner] == part else np.inf
                assert change == pytest.approx(expected, abs=1e-9)
        partition.move(group, part)


@pytest.mark.parametrize('seed', range(5))
def test_iterative_stratification_by_hand(seed):
    # The second feature is in fewer groups, the last two, which come first, one to each part. Then each part has 5 of the first
    # feature, because the largest amounts are first: 4 and 1, 2 and 2 and 1. Smallest first, it would be 1, 2 and 4.
    features = csr_array(np.array([[1, 0, 1], [2, 0, 1], [4, 0, 1], [1, 0, 1], [2, 0, 1], [0, 1, 1], [0, 1, 1]]))
    parts = iterative_stratification(features, np.array([0.5, 0.5]), np.random.default_rng(seed))
    assert features.toarray()[parts == 1].sum(axis=0)[:2].tolist() == [5, 1]


def test_many_groups_of_which_not_all_pairs_are_swapped():
    rng = np.random.default_rng(0)
    held = rng.random((5000, 40)) < np.geomspace(0.0004, 0.3, 40)
    counts = np.hstack([held, held * rng.integers(1, 6, held.shape)])
    parts = stratify(csr_array(counts), np.ones(5000), [0.8, 0.2])
    in_validation = counts[parts == 1].sum(axis=0)
    frequent = held.sum(axis=0) > 1
    assert (in_validation > 0)[:40][frequent].all()
    assert ((counts.sum(axis=0) - in_validation) > 0)[:40].tolist() == held.any(axis=0).tolist()
    is_many = counts.sum(axis=0) >= 300
    assert np.abs(in_validation[is_many] / counts.sum(axis=0)[is_many] - 0.2).max() < 0.02
    assert abs((parts == 1).mean() - 0.2) < 0.001
    # Rare features with amounts that only a swap can exchange, such as 5 boxes in an image and 2 in another.
    is_rare = (held.sum(axis=0) > 1) & (held.sum(axis=0) < 4)
    assert is_rare.any()
    for feature in np.flatnonzero(is_rare) + 40:
        amounts = counts[:, feature][held[:, feature - 40]]
        subsets = [sum(chosen) for size in range(1, len(amounts)) for chosen in itertools.combinations(amounts, size)]
        best = min(abs(amount / amounts.sum() - 0.2) for amount in subsets)
        assert abs(in_validation[feature] / amounts.sum() - 0.2) == pytest.approx(best)


def test_a_seed_repeats():
    counts, sizes = np.random.default_rng(0).poisson(0.3, (30, 4)), np.ones(30)
    first, again, other = (stratify(counts, sizes, [0.7, 0.3], seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(('shares', 'message'), [
    ([1.2, -0.2], r'must be in \(0, 1\) with sum 1, got \[1.2, -0.2\]'),
    ([0.5, 0.4], 'with sum 1'),
    ([1.0], 'with sum 1'),
    ([0.25] * 4, '3 groups cannot be divided into 4 parts'),
])
def test_bad_shares(shares, message):
    with pytest.raises(ValueError, match=message):
        stratify(np.ones((3, 1)), [1, 1, 1], shares)
