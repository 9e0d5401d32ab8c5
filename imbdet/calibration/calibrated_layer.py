"""A calibration of one layer: what becomes of the logits that it gives."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from imbdet.calibration.calibration_settings import Calibration
from imbdet.calibration.class_statistics import ClassStatistics
from imbdet.calibration.fracal import fracal_shift, fracal_sigmoid, fracal_sigmoid_shift
from imbdet.calibration.logit_adjustment import logit_adjustment, sigmoid_logit_adjustment
from imbdet.calibration.logn import logn
from imbdet.calibration.norcal import norcal_shift
from imbdet.heads import ClassLayer, find_class_layers


class CalibratedLayer(NamedTuple):
    r"""How the class logits of a layer are calibrated.

    Attributes:
        layer: The layer.
        shift: Added to the logit of each class, shape (C,), float64.
        scale: By which a logit is multiplied before, shape (C,), float64; None: by 1.
        product_shift: The shift s of a second sigmoid, :math:`\sigma(z) \sigma(z + s)`, which comes before; None: no product.
    """

    layer: ClassLayer
    shift: Tensor
    scale: Tensor | None = None
    product_shift: Tensor | None = None

    @property
    def is_constant(self) -> bool:
        """Whether bias and weight of the layer can hold the calibration."""
        return self.product_shift is None

    def apply(self, outputs: Tensor) -> Tensor:
        """Calibrate what the layer gave.

        Args:
            outputs: Its outputs; those that are no class logits stay as they are.

        Returns:
            The calibrated outputs, of the same shape, dtype and device.
        """
        if self.product_shift is not None:
            product = fracal_sigmoid(outputs, self._spread(self.product_shift, 0, outputs))
            is_class = self.layer.spread(torch.ones(len(self.shift), dtype=torch.bool, device=outputs.device), False)
            outputs = torch.where(is_class, product, outputs)
        if self.scale is not None:
            outputs = outputs * self._spread(self.scale, 1, outputs)
        return outputs + self._spread(self.shift, 0, outputs)

    def _spread(self, values: Tensor, rest: float, outputs: Tensor) -> Tensor:
        return self.layer.spread(values.to(outputs), rest)


def calibrated_layers(detector: nn.Module, calibration: Calibration, statistics: ClassStatistics) -> list[CalibratedLayer]:
    """Compute how the layers that give a detector's class logits are calibrated.

    Args:
        detector: An mmdet detector.
        calibration: Method and strength.
        statistics: Statistics of its training set; for LogN with those of its logits.

    Returns:
        The layers, each once.

    Raises:
        ValueError: If the statistics are of other classes or lack what the method needs, or the layers are not known.
    """
    return [_calibrated(layer, calibration, statistics) for layer in find_class_layers(detector)]


def _calibrated(layer: ClassLayer, calibration: Calibration, statistics: ClassStatistics) -> CalibratedLayer:
    num_classes = layer.channels.shape[1]
    if len(statistics.names) != num_classes:
        raise ValueError(f'{layer.name} has {num_classes} classes, the statistics have {len(statistics.names)}')
    if calibration.method == 'logn':
        if layer.name not in statistics.logits:
            raise ValueError(f'logn needs statistics of the logits of {layer.name}; imbdet calibrate --method logn collects '
                             'them on the training images and writes them')
        scale, shift = logn(statistics.logits[layer.name].tensors(), layer.has_background)
        return CalibratedLayer(layer, shift + calibration.k, scale)
    counts, total = statistics.counts(calibration.counts), statistics.total(calibration.counts)
    is_softmax = layer.head.has_background  # of Seesaw loss's, an objectness has the background
    if calibration.method == 'fracal':
        settings = counts, total, statistics.dimensions, calibration.logarithm, calibration.dimension_strength
        if not is_softmax:
            product_shift = torch.from_numpy(fracal_sigmoid_shift(*settings))
            return CalibratedLayer(layer, torch.full_like(product_shift, calibration.k), product_shift=product_shift)
        vector = fracal_shift(*settings)
    elif calibration.method == 'norcal':
        vector = norcal_shift(counts, calibration.strength)
    elif is_softmax:
        vector = logit_adjustment(counts, total, calibration.strength)
    else:
        vector = sigmoid_logit_adjustment(counts, max(total, 2), calibration.strength)
    return CalibratedLayer(layer, torch.from_numpy(vector) + calibration.k)
