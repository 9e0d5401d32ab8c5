"""Thinning of a data set to a long tail: target counts of the classes, and the images that come near to them."""

import itertools

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, identity

CURVES = ('exponential', 'pareto')
PARETO_SHAPE = 6
"""Power of the Pareto curve, that of ImageNet-LT."""
MOST_SWEEPS = 20
"""Maximum number of visits of all images by the local search."""
LEAST_GAIN = 1e-9
"""Smaller changes of the cost are rounding errors."""


def tail_targets(counts: np.ndarray, ratio: float, curve: str = 'exponential') -> np.ndarray:
    """Compute how often each class should occur so that the set has a long tail.

    The K classes that occur are ranked by their counts, the most frequent first, of equal ones the first first. With the
    largest count n, the target of rank k = 0 ... K - 1 is, rounded and at least 1:

    - exponential: ``n * ratio ** (-k / (K - 1))``, as in CIFAR-LT (Cao et al., Learning Imbalanced Datasets with
      Label-Distribution-Aware Margin Loss, NeurIPS 2019);
    - Pareto: ``n * (1 + (ratio ** (1 / 6) - 1) * k / (K - 1)) ** -6``, the survival function of a Pareto (type II)
      distribution with power 6, that of ImageNet-LT (Liu et al., Large-Scale Long-Tailed Recognition in an Open World,
      CVPR 2019). Its scale is such that the last class has ``n / ratio``. Compared with the exponential curve, the classes
      in the middle have less.

    Args:
        counts: Images or boxes of C classes, shape (C,), integers >= 0.
        ratio: Count of the most frequent class divided by that of the rarest, at least 1.
        curve: ``'exponential'`` or ``'pareto'``.

    Returns:
        The targets, shape (C,), int64; 0 for classes that do not occur. A target may be above the class's count.

    Raises:
        ValueError: If ratio or curve is out of range, or no class occurs.
    """
    if not 1 <= ratio < np.inf:
        raise ValueError(f'ratio must be at least 1 and finite, got {ratio:g}')
    if curve not in CURVES:
        raise ValueError(f'curve must be one of {", ".join(CURVES)}, got {curve!r}')
    ranked = np.argsort(-counts, kind='stable')[:np.count_nonzero(counts)]
    if not len(ranked):
        raise ValueError('no class occurs, so there is nothing to thin')
    places = np.linspace(0, 1, len(ranked))
    if curve == 'exponential':
        shares = ratio ** -places
    else:
        shares = (1 + (ratio ** (1 / PARETO_SHAPE) - 1) * places) ** -PARETO_SHAPE
    targets = np.zeros(len(counts), dtype=np.int64)
    targets[ranked] = np.maximum(np.rint(counts[ranked[0]] * shares), 1)
    return targets


def choose_images(amounts: csr_array, targets: np.ndarray, seed: int = 0) -> np.ndarray:
    """Choose images so that the classes come near to their targets.

    The cost is ``sum over classes of |count - target| / target``, where a target above the count of all images is that count.
    If parts of images could be kept, this would be a linear program, whose solution has few parts. So it is solved and
    rounded. Then images are removed and taken back, in random order, while that lowers the cost. The last image of a class is
    never removed, nor is an image without classes.

    Args:
        amounts: How often each image holds each class, shape (I, C), integers > 0 without stored zeros: 1 to count images, or
            the number of boxes.
        targets: Target of each class, shape (C,), at least 1 for each class that occurs.
        seed: Of several images that are as good, the seed decides.

    Returns:
        Whether each image is kept, shape (I,), bool.
    """
    order = np.random.default_rng(seed).permutation(np.flatnonzero(np.diff(amounts.indptr)))
    thinning = _Thinning(amounts, targets)
    shares = _best_shares(amounts[order], thinning.targets)
    for position in np.argsort(shares, kind='stable')[:np.count_nonzero(shares < 0.5)]:
        thinning.toggle(order[position])
    for _ in range(MOST_SWEEPS):
        if not [image for image in order if thinning.gain(image) > LEAST_GAIN and thinning.toggle(image)]:
            break
    return np.array(thinning.kept, dtype=bool)


def _best_shares(amounts: csr_array, targets: np.ndarray) -> np.ndarray:
    """Solve the linear program: the share of each image that is kept, shape (I,), in [0, 1].

    Its other variables are what each class has too much and too little.
    """
    classes = np.flatnonzero(targets)
    num_images, num_classes = len(amounts.indptr) - 1, len(classes)
    one = identity(num_classes)
    weights = np.concatenate([np.zeros(num_images), np.tile(1 / targets[classes], 2)])
    most = np.concatenate([np.ones(num_images), np.full(2 * num_classes, np.inf)])
    # The interior point method takes seconds for 100,000 images, the simplex method minutes.
    solution = linprog(weights, A_eq=hstack([amounts[:, classes].T, -one, one]), b_eq=targets[classes],
                       bounds=np.column_stack([np.zeros_like(most), most]), method='highs-ipm')
    if solution.x is None:
        raise RuntimeError(f'SciPy could not solve the linear program: {solution.message}')
    return solution.x[:num_images]


class _Thinning:
    """Images that are kept and removed, with the counts of the classes in plain lists, which are faster than short arrays."""

    def __init__(self, amounts: csr_array, targets: np.ndarray) -> None:
        starts, columns, data = (array.tolist() for array in (amounts.indptr, amounts.indices, amounts.data))
        num_classes = amounts.shape[1]
        self.held = [list(zip(columns[start:stop], data[start:stop], strict=True))
                     for start, stop in itertools.pairwise(starts)]
        self.kept = [True] * len(self.held)
        counts = np.bincount(amounts.indices, amounts.data, num_classes).astype(np.int64)
        self._counts = counts.tolist()
        self._holders = np.bincount(amounts.indices, minlength=num_classes).tolist()
        self.targets = np.minimum(targets, counts)
        self._targets = self.targets.tolist()

    def gain(self, image: int) -> float:
        """Return by how much the cost falls if the image is removed, or taken back."""
        sign = -1 if self.kept[image] else 1
        gain = 0.0
        for label, amount in self.held[image]:
            excess, target = self._counts[label] - self._targets[label], self._targets[label]
            gain += (abs(excess) - abs(excess + sign * amount)) / target
        return gain

    def toggle(self, image: int) -> bool:
        """Remove the image or take it back, and return whether this was done: the last image of a class stays."""
        sign = -1 if self.kept[image] else 1
        if sign < 0 and any(self._holders[label] == 1 for label, _ in self.held[image]):
            return False
        for label, amount in self.held[image]:
            self._counts[label] += sign * amount
            self._holders[label] += sign
        self.kept[image] = sign > 0
        return True
