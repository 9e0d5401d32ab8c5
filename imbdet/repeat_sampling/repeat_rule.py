"""How often the images of a data set are drawn: method, threshold and rounding, checked together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imbdet.classes import ClassCounts
from imbdet.repeat_sampling.repeat_factors import (
    E_IRFS_ALPHA,
    category_repeat_factors,
    check_method,
    check_threshold,
    epoch_length,
    image_repeat_factors,
    systematic_indices,
    weighted_indices,
)

ROUNDINGS = ('systematic', 'ceil')


@dataclass(frozen=True)
class RepeatRule:
    """How often images are drawn.

    Attributes:
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        threshold: Frequency in (0, 1] below which a category is repeated.
        alpha: Scale of E-IRFS's exponent, above 0.
        image_frequency: E-IRFS's image frequency, ``'of-images'`` or ``'of-image-counts'``.
        rounding: ``'systematic'``: an image is drawn as often as its factor in expectation; ``'ceil'``: as often as its factor
            rounded up, in every epoch, as by mmengine's ClassBalancedDataset.

    Raises:
        ValueError: If a value is unknown or out of range, or has no meaning with the method.
    """

    method: str = 'irfs'
    threshold: float = 1e-3
    alpha: float = E_IRFS_ALPHA
    image_frequency: str = 'of-images'
    rounding: str = 'systematic'

    def __post_init__(self) -> None:
        check_method(self.method, self.alpha, self.image_frequency)
        check_threshold(self.threshold)
        if self.rounding not in ROUNDINGS:
            raise ValueError(f'unknown rounding {self.rounding!r}; choose one of {", ".join(ROUNDINGS)}')
        if self.rounding == 'ceil' and self.method == 'e-irfs':
            raise ValueError("rounding='ceil' has no meaning with method='e-irfs', which draws by probabilities; remove it")

    def category_factors(self, counts: ClassCounts) -> np.ndarray:
        """Compute the factor of each category, shape (C,), at least 1.

        Args:
            counts: The counts of C categories.
        """
        return category_repeat_factors(*counts, self.threshold, self.method, self.alpha, self.image_frequency)

    def image_factors(self, labels: Sequence[np.ndarray], category_factors: np.ndarray,
                      multipliers: float | np.ndarray = 1.0) -> np.ndarray:
        """Compute the factor of each image, shape (N,), at least 1; with ``'ceil'`` rounded up.

        Args:
            labels: For each of N images its category labels, integers in [0, C).
            category_factors: Factor of each category, shape (C,), at least 1.
            multipliers: Further factors of the images, shape (N,) or one number, at least 1.
        """
        factors = image_repeat_factors(labels, category_factors) * multipliers
        return np.ceil(factors) if self.rounding == 'ceil' else factors

    def epoch_size(self, factors: np.ndarray) -> int:
        """Return the number of draws in an epoch, the same in every epoch.

        Args:
            factors: Factor of each image, shape (N,), at least 1.
        """
        return len(factors) if self.method == 'e-irfs' else epoch_length(factors)

    def draw(self, factors: np.ndarray, rng: np.random.Generator, shuffle: bool) -> np.ndarray:
        """Draw an epoch: indices into the images, shape (epoch_size(factors),), int64.

        Args:
            factors: Factor of each image, shape (N,), at least 1.
            rng: Random generator.
            shuffle: Whether it comes in random order, or sorted.
        """
        return (weighted_indices if self.method == 'e-irfs' else systematic_indices)(factors, rng, shuffle)
