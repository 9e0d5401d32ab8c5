"""Drawing an epoch by repeat factors: systematic rounding, or with replacement.

Pure functions over arrays, without mmdet.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FactorDraws:
    """Epochs of a data set of N images, by repeat factors.

    Attributes:
        category_factors: Factor of each category, shape (C,), at least 1.
        image_factors: Factor of each image, shape (N,), at least 1.
        with_replacement: Whether an epoch is N draws with replacement (E-IRFS), or each image as often as its factor.
    """

    category_factors: np.ndarray
    image_factors: np.ndarray
    with_replacement: bool

    @property
    def epoch_size(self) -> int:
        """Number of draws in an epoch, the same in every epoch."""
        return len(self.image_factors) if self.with_replacement else epoch_length(self.image_factors)

    def draw(self, seed: int, epoch: int, shuffle: bool) -> np.ndarray:
        """Draw an epoch; the same for the same arguments.

        Args:
            seed: Seed of all draws, at least 0.
            epoch: Number of the epoch, at least 0.
            shuffle: Whether it comes in random order, or sorted.

        Returns:
            Indices into the images, shape (epoch_size,), int64.
        """
        draw = weighted_indices if self.with_replacement else systematic_indices
        return draw(self.image_factors, np.random.default_rng((seed, epoch)), shuffle)


def epoch_length(factors: np.ndarray) -> int:
    """Return the number of images in an epoch: the sum of the factors, rounded up.

    Args:
        factors: Repeat factor of each image, shape (N,), at least 1.

    Returns:
        The length; it only depends on the factors, so it is the same in every epoch.
    """
    return int(np.ceil(np.sum(factors) - 1e-6))  # an integer sum with rounding errors is not rounded up


def systematic_indices(factors: np.ndarray, rng: np.random.Generator, shuffle: bool = True) -> np.ndarray:
    r"""Draw an epoch by systematic rounding of the repeat factors.

    With cumulative sums :math:`C_i` of the factors in a random order and one :math:`u \sim U(0, 1)`, image i appears
    :math:`\lfloor C_i + u \rfloor - \lfloor C_{i-1} + u \rfloor` times: the floor or the ceiling of its factor, and the
    factor itself in expectation. mmengine fixes the number of iterations by ``len(dataloader)``, so the length must be
    the same in every epoch although the sum of the factors is rarely an integer. Therefore a virtual last image with the
    factor ceil(sum) - sum is added; if it is drawn, it is replaced by a real image, each with probability 1/N.
    The expected count of image i is therefore its factor plus (ceil(sum) - sum) / N, less than 1/N above it.

    Args:
        factors: Repeat factor of each image, shape (N,), at least 1.
        rng: Random generator.
        shuffle: Whether the epoch comes in random order; otherwise in the order of the images, with copies next to each other.

    Returns:
        Indices into the images, shape (epoch_length(factors),), int64.
    """
    num_images, length = len(factors), epoch_length(factors)
    order = rng.permutation(num_images) if shuffle else np.arange(num_images)
    sums = np.cumsum(factors[order])
    counts = np.diff(np.floor(np.minimum(sums, length) + rng.random()), prepend=0.0).astype(np.int64)
    indices = np.repeat(order, counts)[:length]
    if len(indices) < length:  # the virtual image was drawn
        indices = np.append(indices, rng.integers(num_images, size=length - len(indices)))
    return rng.permutation(indices) if shuffle else np.sort(indices)


def weighted_indices(factors: np.ndarray, rng: np.random.Generator, shuffle: bool = True) -> np.ndarray:
    """Draw N of N images with replacement, each with probability factor / sum of factors (E-IRFS).

    Args:
        factors: Repeat factor of each image, shape (N,), above 0.
        rng: Random generator.
        shuffle: Whether the epoch comes in random order, or sorted.

    Returns:
        Indices into the images, shape (N,), int64.
    """
    indices = rng.choice(len(factors), size=len(factors), p=factors / factors.sum())
    return indices if shuffle else np.sort(indices)
