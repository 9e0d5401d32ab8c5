"""Groups divided into parts, and what moving or swapping groups changes."""

import numpy as np
from scipy.sparse import csr_array


class Partition:
    """G groups in K parts, judged by how far the parts are from what is wanted.

    A group holds amounts of F features, such as images and boxes of classes. The cost has two terms, and the first always
    decides:

    - the features that are missing in parts that should hold them, which is ``needed`` summed over the features and parts
      without a group that holds the feature;
    - ``sum over f and k of weights[f] * (n[f, k] / n[f] - shares[k])**2``, where n[f, k] is the amount of feature f in part k
      and n[f] that of all parts.

    Attributes:
        parts: Part of each group, shape (G,), int64.
        holders: Groups of each part that hold a feature, shape (F, K), int64.
    """

    def __init__(self, counts: csr_array, shares: np.ndarray, weights: np.ndarray, needed: np.ndarray,
                 parts: np.ndarray) -> None:
        """Put the groups into parts.

        Args:
            counts: Amount of each feature in each group, shape (G, F), not negative, without stored zeros. Every group holds
                a feature.
            shares: Wanted share of each part, shape (K,), float64, in (0, 1), with sum 1.
            weights: Weight of each feature, shape (F,), above 0.
            needed: What it costs if a feature is missing in a part, shape (F, K), at least 0. Values above
                ``2 * weights.sum()`` always outweigh the second term.
            parts: Part of each group to begin with, shape (G,), integers in [0, K).
        """
        num_features, num_parts = counts.shape[1], len(shares)
        self._starts, self._columns = counts.indptr, counts.indices
        totals = np.bincount(self._columns, counts.data, num_features)
        self._amounts = counts.data / totals[self._columns]  # as shares of their feature
        self._weighted = self._amounts * weights[self._columns]
        self._weights, self._needed = weights, needed
        self._squares = np.add.reduceat(self._weighted * self._amounts, self._starts[:-1])
        self.parts = parts.astype(np.int64)
        entries = self._columns * num_parts + np.repeat(self.parts, np.diff(self._starts))
        self.holders = np.bincount(entries, minlength=num_features * num_parts).reshape(num_features, num_parts)
        amounts = np.bincount(entries, self._amounts, num_features * num_parts).reshape(num_features, num_parts)
        self._deviations = np.where(totals[:, None] > 0, amounts - shares, 0.0)

    def cost(self) -> tuple[float, float]:
        """Return both terms of the cost, to compare as a tuple: added up, the first would round the second off."""
        return float(self._needed[self.holders == 0].sum()), float(self._weights @ (self._deviations ** 2).sum(axis=1))

    def move_costs(self, group: int) -> np.ndarray:
        """Return what moving a group to each part adds to the cost.

        Args:
            group: Its position.

        Returns:
            Change of the cost, shape (K,), 0 for the part that it is in.
        """
        entries = slice(self._starts[group], self._starts[group + 1])
        columns, source = self._columns[entries], self.parts[group]
        holders, needed = self.holders[columns], self._needed[columns]
        towards = self._weighted[entries] @ self._deviations[columns]
        costs = 2 * (towards - towards[source] + self._squares[group])
        costs += needed[:, source] @ (holders[:, source] == 1) - (needed * (holders == 0)).sum(axis=0)
        costs[source] = 0
        return costs

    def swap_costs(self, group: int, part: int, partners: np.ndarray) -> np.ndarray:
        """Return what swapping a group with each of some groups of another part adds to the cost.

        Args:
            group: Its position.
            part: Another part than its own.
            partners: Positions of M groups, shape (M,), M > 0.

        Returns:
            Change of the cost, shape (M,), infinite for partners that are not in the part.
        """
        entries = slice(self._starts[group], self._starts[group + 1])
        columns, source = self._columns[entries], self.parts[group]
        # Both groups give and take: what is the same in both cancels. Each sum over the features of the partner is linear.
        per_amount = self._deviations[:, source] - self._deviations[:, part]
        constant = self._squares[group] - self._weighted[entries] @ per_amount[columns]
        per_amount[columns] -= 2 * self._amounts[entries]
        given = self._presence_cost(columns, source, part)
        per_feature = self._presence_cost(slice(None), part, source)
        per_feature[columns] = -given
        theirs, starts = self._entries_of(partners)
        sums = np.add.reduceat(2 * self._weighted[theirs] * per_amount[self._columns[theirs]]
                               + per_feature[self._columns[theirs]], starts)
        costs = sums + 2 * (constant + self._squares[partners]) + given.sum()
        return np.where(self.parts[partners] == part, costs, np.inf)

    def move(self, group: int, part: int) -> None:
        """Move a group to a part.

        Args:
            group: Its position.
            part: The part.
        """
        entries = slice(self._starts[group], self._starts[group + 1])
        columns = self._columns[entries]
        for where, sign in ((self.parts[group], -1), (part, 1)):
            self.holders[columns, where] += sign
            self._deviations[columns, where] += sign * self._amounts[entries]
        self.parts[group] = part

    def _entries_of(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the entries of groups, one group after the other, and where each group starts in them."""
        lengths = self._starts[groups + 1] - self._starts[groups]
        starts = np.cumsum(lengths) - lengths
        return np.arange(lengths.sum()) + np.repeat(self._starts[groups] - starts, lengths), starts

    def _presence_cost(self, columns: np.ndarray | slice, source: int, target: int) -> np.ndarray:
        """Return what it costs per feature if a group that holds it is moved."""
        return (self._needed[columns, source] * (self.holders[columns, source] == 1)
                - self._needed[columns, target] * (self.holders[columns, target] == 0))
