"""Detectors for which a calibration may do harm."""

from torch import nn

from imbdet.calibration.calibrated_layer import CalibratedLayer
from imbdet.calibration.calibration_settings import Calibration

MMDET_PRIOR_LOSSES = ('SeesawLoss', 'EQLV2Loss')
"""By the name of the class. Those of imbdet say ``corrects_prior = True``."""


def calibration_warnings(detector: nn.Module, calibration: Calibration, layers: list[CalibratedLayer]) -> list[str]:
    """Warn of losses that have taken out the prior of the classes already, and of LogN without a softmax.

    Args:
        detector: An mmdet detector.
        calibration: The calibration.
        layers: The calibrated layers.

    Returns:
        A line for each warning.
    """
    lines = [f'{name} is {type(module).__name__}, which corrects for frequent classes in training; a shift on top of it may be '
             'too much, so choose its strength on held-out images (imbdet calibrate --fit)'
             for name, module in detector.named_modules()
             if getattr(module, 'corrects_prior', False) or type(module).__name__ in MMDET_PRIOR_LOSSES]
    if calibration.method == 'logn':
        lines += [f'{each.layer.name} gives logits of sigmoids; LogN is a method for a softmax, and lost AP with sigmoids '
                  'where we measured it, so compare on held-out images (imbdet calibrate --fit)'
                  for each in layers if not each.layer.head.has_background]
    return lines
