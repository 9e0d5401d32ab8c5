"""Calibration of a trained detector for the long tail: what is added to the logits of its classes."""

from imbdet.calibration.fracal import fracal_shift, fracal_sigmoid, fracal_sigmoid_shift
from imbdet.calibration.fractal_dimension import fractal_dimension
from imbdet.calibration.logit_adjustment import logit_adjustment, sigmoid_logit_adjustment
from imbdet.calibration.logn import LogitStatistics, logn
from imbdet.calibration.norcal import norcal_shift

__all__ = [
    'LogitStatistics', 'fracal_shift', 'fracal_sigmoid', 'fracal_sigmoid_shift', 'fractal_dimension', 'logit_adjustment',
    'logn', 'norcal_shift', 'sigmoid_logit_adjustment'
]
