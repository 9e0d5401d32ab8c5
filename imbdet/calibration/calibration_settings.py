"""Which calibration, and how strong."""

from typing import Literal

import msgspec
import numpy as np

METHODS = ('norcal', 'logit-adjustment', 'fracal', 'logn')
TAU = {'norcal': 0.6, 'logit-adjustment': 1.0}
"""Strength of a method that has ``tau`` where it is not given."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    r"""A calibration of class logits for the long tail.

    Args:
        method: ``'norcal'``: :math:`-\tau \ln n_c`. ``'logit-adjustment'``: :math:`-\tau \ln (n_c / N)`, and of a sigmoid
            :math:`-\tau \ln (\pi_c / (1 - \pi_c))`. ``'fracal'``: :math:`-\log_\beta (n_c C / N) - \lambda \ln \Phi_c`; of a
            sigmoid a product, which no bias can hold. ``'logn'``: normalization by the logits' own statistics.
        tau: Strength of NorCal, 0.6 by default, and of logit adjustment, 1 by default; at least 0.
        base: Base of FRACAL's logarithms, above 1; 10 by default.
        lam: Strength of FRACAL's part for the fractal dimension, at least 0; 2 by default.
        k: Added to all class logits besides, for the balance between classes and background; any finite number. The papers have
            none.
        counts: What NorCal, logit adjustment and FRACAL count of each class: training ``'images'`` or ``'boxes'``.

    Raises:
        ValueError: If a setting is out of range, or the method does not have it.
    """

    method: Literal['norcal', 'logit-adjustment', 'fracal', 'logn']
    tau: float | None = None
    base: float | None = None
    lam: float | None = None
    k: float = 0.0
    counts: Literal['images', 'boxes'] = 'images'

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f'method must be one of {", ".join(METHODS)}, got {self.method!r}')
        if self.counts not in ('images', 'boxes'):
            raise ValueError(f"counts must be 'images' or 'boxes', got {self.counts!r}")
        for name, methods in (('tau', tuple(TAU)), ('base', ('fracal', )), ('lam', ('fracal', ))):
            if getattr(self, name) is not None and self.method not in methods:
                raise ValueError(f'{name} is a setting of {" and ".join(methods)}, not of {self.method}; leave it out')
        if self.method == 'logn' and self.counts != 'images':
            raise ValueError('logn counts nothing; leave counts out')
        if not 0 <= self.strength < np.inf:
            raise ValueError(f'tau must be at least 0 and finite, got {self.tau}')
        if not 1 < self.logarithm < np.inf:
            raise ValueError(f'base must be above 1 and finite, got {self.base}')
        if not 0 <= self.dimension_strength < np.inf:
            raise ValueError(f'lam must be at least 0 and finite, got {self.lam}')
        if not np.isfinite(self.k):
            raise ValueError(f'k must be finite, got {self.k}')

    @property
    def strength(self) -> float:
        """``tau``, or the method's own."""
        return TAU.get(self.method, 0.0) if self.tau is None else self.tau

    @property
    def logarithm(self) -> float:
        """``base``, or FRACAL's own."""
        return 10.0 if self.base is None else self.base

    @property
    def dimension_strength(self) -> float:
        """``lam``, or FRACAL's own."""
        return 2.0 if self.lam is None else self.lam

    def __str__(self) -> str:
        settings = {
            'norcal': f'tau {self.strength:g}, counts of {self.counts}',
            'logit-adjustment': f'tau {self.strength:g}, counts of {self.counts}',
            'fracal': f'base {self.logarithm:g}, lam {self.dimension_strength:g}, counts of {self.counts}',
            'logn': 'statistics of the logits'
        }[self.method]
        return f'{self.method}: {settings}' + (f', k {self.k:+g}' if self.k else '')
