"""Losses that take the frequency of classes into account in training, so that a calibration would do so again."""

from torch import nn

PRIOR_LOSSES = ('SeesawLoss', 'EQLV2Loss', 'SynchronizedSeesawLoss', 'EqualizationLoss', 'EqualizationLossV2',
                'EqualizedFocalLoss', 'EffectiveClassMarginLoss', 'BalancedSoftmaxLoss', 'GumbelLoss')
"""By the name of the class, of mmdet and of imbdet."""


def prior_warnings(detector: nn.Module) -> list[str]:
    """Warn of losses that have taken out the prior of the classes already.

    Args:
        detector: An mmdet detector.

    Returns:
        A line for each such loss.
    """
    return [f'{name} is {type(module).__name__}, which corrects for frequent classes in training; a shift on top of it may be '
            'too much, so choose its strength on held-out images (imbdet calibrate --fit)'
            for name, module in detector.named_modules() if type(module).__name__ in PRIOR_LOSSES]
