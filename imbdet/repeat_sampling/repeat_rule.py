"""How often the images of a data set are drawn: method, threshold, power and rounding, checked together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from imbdet.classes import ClassCounts
from imbdet.repeat_sampling.class_aware import ClassAwareDraws
from imbdet.repeat_sampling.factor_draws import FactorDraws
from imbdet.repeat_sampling.repeat_factors import (
    E_IRFS_ALPHA,
    METHODS,
    POWER,
    category_repeat_factors,
    check_choice,
    check_method,
    check_threshold,
    image_repeat_factors,
)

CLASS_AWARE = 'class-aware'
ROUNDINGS = ('systematic', 'ceil')


@dataclass(frozen=True)
class RepeatRule:
    """How often images are drawn.

    Attributes:
        method: ``'irfs'``, ``'rfs'``, ``'e-irfs'``, or ``'class-aware'``, which has none of the following.
        threshold: Frequency in (0, 1] below which a category is repeated.
        alpha: Scale of E-IRFS's exponent, above 0.
        image_frequency: E-IRFS's image frequency, ``'of-images'`` or ``'of-image-counts'``.
        rounding: ``'systematic'``: an image is drawn as often as its factor in expectation; ``'ceil'``: as often as its factor
            rounded up, in every epoch, as by mmengine's ClassBalancedDataset.
        power: Power of RFS and IRFS, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Raises:
        ValueError: If a value is unknown or out of range, or has no meaning with the method.
    """

    method: str = 'irfs'
    threshold: float = 1e-3
    alpha: float = E_IRFS_ALPHA
    image_frequency: str = 'of-images'
    rounding: str = 'systematic'
    power: float = POWER

    def __post_init__(self) -> None:
        check_choice('method', self.method, (*METHODS, CLASS_AWARE))
        if self.method == CLASS_AWARE:
            self._refuse_settings()
            return
        check_method(self.method, self.alpha, self.image_frequency, self.power)
        check_threshold(self.threshold)
        check_choice('rounding', self.rounding, ROUNDINGS)
        if self.rounding == 'ceil' and self.method == 'e-irfs':
            raise ValueError("rounding='ceil' has no meaning with method='e-irfs', which draws by probabilities; remove it")

    def _refuse_settings(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != 'method' and value != field.default:
                raise ValueError(f"{field.name}={value!r} has no meaning with method='class-aware', which draws all classes "
                                 'equally often; remove it')

    def __str__(self) -> str:
        """Name the method and what decides how much is repeated, as in ``irfs, threshold 0.001``."""
        if self.method == CLASS_AWARE:
            return self.method
        power = '' if self.power == POWER else f', power {self.power:g}'
        return f'{self.method}, threshold {self.threshold:g}{power}'

    def draws(self, labels: Sequence[np.ndarray], counts: ClassCounts,
              multipliers: float | np.ndarray = 1.0) -> FactorDraws | ClassAwareDraws:
        """Apply the rule to the images of a data set.

        Args:
            labels: For each of N images its category labels, integers in [0, C).
            counts: The counts of the labels.
            multipliers: Further factors of the images, shape (N,) or one number, at least 1; not for ``'class-aware'``.

        Returns:
            The draws of its epochs. With ``rounding='ceil'`` the factors of images are rounded up.

        Raises:
            ValueError: If ``'class-aware'`` finds no class that has an image.
        """
        if self.method == CLASS_AWARE:
            return ClassAwareDraws(labels, counts)
        category_factors = category_repeat_factors(*counts, self.threshold, self.method, self.alpha, self.image_frequency,
                                                   self.power)
        factors = image_repeat_factors(labels, category_factors) * multipliers
        if self.rounding == 'ceil':
            factors = np.ceil(factors)
        return FactorDraws(category_factors, factors, with_replacement=self.method == 'e-irfs')
