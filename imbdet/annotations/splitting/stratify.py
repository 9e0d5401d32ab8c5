"""Stratified division of groups of images by the images and boxes of all classes at once."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, hstack

from imbdet.annotations.splitting.partition import Partition

MOST_SWEEPS = 20
"""Maximum number of times that each group is visited until nothing improves."""
SWAP_WORK = 100_000_000
"""Up to this product of groups and entries of the counts, all pairs of groups are tried as swaps, which takes seconds. Beyond
it, only pairs that share a rare feature are: moves are too coarse for these."""
MOST_HOLDERS = 30
"""Maximum number of groups that hold a rare feature."""
KICK_WORK = 20_000_000
"""Work spent on leaving local minima; a visit of all groups counts groups times entries, as swaps do."""
MOST_KICKS = 50
"""Maximum number of kicks."""
KICKED = 4
"""Groups that a kick moves."""
LEAST_GAIN = 1e-12
"""Smaller changes of the cost are rounding errors."""


def stratify(counts: np.ndarray | csr_array, sizes: np.ndarray, shares: Sequence[float], seed: int = 0,
             train_part: int | None = 0) -> np.ndarray:
    """Divide groups into parts so that each part has its share of every feature.

    The features are amounts such as the images and the boxes of each class. Iterative stratification (Sechidis et al.,
    ECML PKDD 2011) puts the groups with the rarest feature first. A local search then moves and swaps groups while that lowers
    the cost of :class:`~imbdet.annotations.splitting.partition.Partition`:

    - First, features that are missing in a part: a feature in at least K groups should be in all K parts, one in fewer groups
      in ``train_part``. This is more important than all shares. If not all of them can be, as many as possible are; of equally
      many, ``train_part`` gets more.
    - Then the squared deviations from the wanted shares, each feature with weight 1 and the sizes with weight F + 1, as all
      features together.

    Finding the best division is NP-hard, so the search can miss it. It finds the minimum of missing features in all random
    small cases of the tests.

    Args:
        counts: Amount of each of F features in each of G groups, shape (G, F), not negative; dense or sparse.
        sizes: Images of each group, shape (G,), integers of at least 1.
        shares: Wanted share of each of K parts, shape (K,), each in (0, 1), with sum 1.
        seed: Seed of the order in which equal groups are visited.
        train_part: Part that gets features in fewer than K groups, in [0, K). None: no part is preferred, and such a feature
            is in as many parts as possible, as for folds.

    Returns:
        Part of each group, shape (G,), int64. Each part has a group.

    Raises:
        ValueError: If there are fewer groups than parts, or shares are not in (0, 1) with sum 1.
    """
    wanted = np.asarray(shares, dtype=float)
    if not (wanted > 0).all() or not np.isclose(wanted.sum(), 1) or len(wanted) < 2:
        raise ValueError(f'the shares of the parts must be in (0, 1) with sum 1, got {wanted.tolist()}')
    if len(sizes) < len(shares):
        raise ValueError(f'{len(sizes)} groups cannot be divided into {len(shares)} parts; a group is an image, or images that '
                         'stay together')
    features = csr_array(hstack([csr_array(counts, dtype=float), csr_array(np.reshape(sizes, (-1, 1)), dtype=float)]))
    features.eliminate_zeros()
    weights = np.ones(features.shape[1])
    weights[-1] = len(weights)
    rng = np.random.default_rng(seed)
    needed = _needed(np.bincount(features.indices, minlength=len(weights)), weights, len(shares), train_part)
    partition = Partition(features, wanted, weights, needed, iterative_stratification(features, wanted, rng))
    work = len(sizes) * features.nnz
    partners = dict.fromkeys(range(len(sizes)), np.arange(len(sizes))) if work <= SWAP_WORK else _rare_partners(features)
    _descend(partition, partners, rng)
    for _ in range(min(KICK_WORK // work, MOST_KICKS)):
        _kick(partition, partners, rng)
    return partition.parts


def iterative_stratification(features: csr_array, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Divide groups into parts, the groups with the rarest feature first (Sechidis et al., ECML PKDD 2011, algorithm 1).

    Of the groups with the rarest remaining feature, those with the largest amounts are first. Each goes to the part that lacks
    most of this feature; if several lack the same, to the one that lacks most of the last feature, then to a random one.

    Args:
        features: Amounts, shape (G, F), not negative; every group has some of the last feature.
        shares: Wanted share of each part, shape (K,).
        rng: Generator for ties.

    Returns:
        Part of each group, shape (G,), int64.
    """
    starts, columns, amounts = features.indptr, features.indices, features.data
    lacking = np.outer(np.bincount(columns, amounts, features.shape[1]), shares)
    by_feature = features.tocsc()
    remaining = np.diff(by_feature.indptr).astype(float)
    parts = np.full(features.shape[0], -1)
    while True:
        remaining[remaining == 0] = np.inf
        rarest = int(remaining.argmin())
        if remaining[rarest] == np.inf:
            return parts
        entries = slice(by_feature.indptr[rarest], by_feature.indptr[rarest + 1])
        members, held = by_feature.indices[entries], by_feature.data[entries]
        order = np.lexsort((rng.random(len(members)), -held))
        for group in members[order[parts[members[order]] < 0]]:
            part = np.lexsort((rng.random(len(shares)), -lacking[-1], -lacking[rarest]))[0]
            parts[group] = part
            own = slice(starts[group], starts[group + 1])
            lacking[columns[own], part] -= amounts[own]
            remaining[columns[own]] -= 1


def _needed(holders: np.ndarray, weights: np.ndarray, num_parts: int, train_part: int | None) -> np.ndarray:
    """Return what it costs if a feature is missing in a part: integers, so that their sums are exact."""
    unit = 3 * weights.sum()
    needed = np.full((len(weights), num_parts), unit * unit)  # above all training parts together, which are above all shares
    if train_part is not None:
        needed[holders < num_parts] = 0
        needed[:, train_part] = unit * unit + unit
    needed[holders == 0] = 0
    return needed * weights[:, None]


def _rare_partners(features: csr_array) -> dict[int, np.ndarray]:
    """Return the other groups that share a rare feature with each group that has one."""
    by_feature = features.tocsc()
    found: dict[int, set[int]] = defaultdict(set)
    for start, end in itertools.pairwise(by_feature.indptr.tolist()):
        if 1 < end - start <= MOST_HOLDERS:
            holders = by_feature.indices[start:end].tolist()
            for group in holders:
                found[group].update(holders)
    return {group: np.array(sorted(partners - {group})) for group, partners in found.items()}


def _descend(partition: Partition, partners: dict[int, np.ndarray], rng: np.random.Generator) -> None:
    """Move and swap groups as long as the cost falls."""
    for _ in range(MOST_SWEEPS):
        is_better = False
        for group in rng.permutation(len(partition.parts)).tolist():
            costs = partition.move_costs(group)
            best = int(costs.argmin())
            if costs[best] < -LEAST_GAIN:
                partition.move(group, best)
                is_better = True
            elif group in partners:
                is_better |= _swap(partition, group, partners[group])
        if not is_better:
            return


def _kick(partition: Partition, partners: dict[int, np.ndarray], rng: np.random.Generator) -> None:
    """Leave a local minimum: move some groups to random parts and descend again; undo it if that costs more."""
    before, cost = partition.parts.copy(), partition.cost()
    num_groups, num_parts = len(before), partition.holders.shape[1]
    for group in rng.choice(num_groups, min(KICKED, num_groups), replace=False).tolist():
        partition.move(group, int(rng.integers(num_parts)))
    _descend(partition, partners, rng)
    if partition.cost() > cost:
        for group in np.flatnonzero(partition.parts != before).tolist():
            partition.move(group, int(before[group]))


def _swap(partition: Partition, group: int, partners: np.ndarray) -> bool:
    """Swap a group with the best partner in another part, if that lowers the cost; return whether it did."""
    source = int(partition.parts[group])
    for part in range(partition.holders.shape[1]):
        if part != source:
            costs = partition.swap_costs(group, part, partners)
            best = int(costs.argmin())
            if costs[best] < -LEAST_GAIN:
                partition.move(int(partners[best]), source)
                partition.move(group, part)
                return True
    return False
