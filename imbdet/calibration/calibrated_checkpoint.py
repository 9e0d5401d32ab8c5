"""A calibration written into the classification layers of a checkpoint, and taken out again."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor

from imbdet.calibration.calibrated_layer import CalibratedLayer
from imbdet.calibration.calibration_settings import Calibration

KEY = 'imbdet_calibration'
"""Where a checkpoint's ``meta`` keeps its calibration, and the values that were replaced."""


def applied_calibration(checkpoint: Mapping[str, Any]) -> Calibration | None:
    """Return the calibration that a checkpoint holds.

    Args:
        checkpoint: A checkpoint, or a bare dict of weights.

    Returns:
        The calibration; None if it holds none.
    """
    record = checkpoint.get('meta', {}).get(KEY) if isinstance(checkpoint.get('meta', {}), Mapping) else None
    return None if record is None else msgspec.convert(record['settings'], Calibration)


def calibrate_checkpoint(checkpoint: Mapping[str, Any], calibration: Calibration,
                         layers: Sequence[CalibratedLayer]) -> dict[str, Any]:
    """Write a calibration into bias, and for LogN weight, of the layers.

    Args:
        checkpoint: A checkpoint with ``state_dict``, or a bare dict of weights.
        calibration: The calibration, which is noted in ``meta``.
        layers: What becomes of the layers.

    Returns:
        A new checkpoint of weights, meta and class counts: what continues a training, such as an optimizer, is left out.

    Raises:
        ValueError: If the checkpoint is calibrated already, or a layer cannot hold the calibration.
    """
    applied = applied_calibration(checkpoint)
    if applied is not None:
        raise ValueError(f'the checkpoint is calibrated already ({applied}); take that out first with imbdet calibrate --undo')
    weights = dict(checkpoint.get('state_dict', checkpoint))
    replaced: dict[str, Tensor | None] = {}
    for each in layers:
        for key, value in _new_values(weights, each).items():
            for name in each.layer.names:  # of branches that share a layer, each has its weights in the checkpoint
                replaced[f'{name}.{key}'] = weights.get(f'{name}.{key}')
                weights[f'{name}.{key}'] = value
    record = {'settings': msgspec.to_builtins(calibration), 'replaced': replaced}
    return _checkpoint(checkpoint, weights, {**checkpoint.get('meta', {}), KEY: record})


def undo_calibration(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Take the calibration out of a checkpoint: its layers have the very values from before.

    Args:
        checkpoint: A checkpoint that :func:`calibrate_checkpoint` returned.

    Returns:
        A new checkpoint.

    Raises:
        ValueError: If it holds no calibration.
    """
    if applied_calibration(checkpoint) is None:
        raise ValueError('the checkpoint holds no calibration of imbdet calibrate')
    meta = dict(checkpoint['meta'])
    replaced = meta.pop(KEY)['replaced']
    weights = dict(checkpoint['state_dict'])
    for name, value in replaced.items():
        if value is None:  # the layer had no bias
            del weights[name]
        else:
            weights[name] = value
    return _checkpoint(checkpoint, weights, meta)


def _checkpoint(checkpoint: Mapping[str, Any], weights: dict[str, Tensor], meta: dict[str, Any]) -> dict[str, Any]:
    counts = {'class_counts': checkpoint['class_counts']} if 'class_counts' in checkpoint else {}
    return {'meta': meta, 'state_dict': weights, **counts}


def _new_values(weights: Mapping[str, Tensor], calibrated: CalibratedLayer) -> dict[str, Tensor]:
    """Return the new weight and bias of a layer."""
    layer, name = calibrated.layer.layer, calibrated.layer.name
    if not calibrated.is_constant:
        raise ValueError(f'{name}: FRACAL with sigmoids multiplies two probabilities, which no bias can hold; put '
                         "dict(type='LogitShiftHook', method='fracal') into custom_hooks instead")
    if f'{name}.weight' not in weights:
        raise ValueError(f'the checkpoint has no {name}.weight; it is of another detector than the config')
    if getattr(layer, 'bias', None) is None:
        raise ValueError(f'{name} is a {type(layer).__name__} without bias, and nothing to write the shift into; give it one '
                         'in the config, such as cls_predictor_cfg=dict(bias=True); the checkpoint need not have it')
    weight = weights[f'{name}.weight']
    if len(weight) != calibrated.layer.num_outputs:
        raise ValueError(f'{name} has {len(weight)} outputs in the checkpoint and {calibrated.layer.num_outputs} in the '
                         'config; they are of other classes')
    bias = weights.get(f'{name}.bias', weight.new_zeros(len(weight)))
    shift = calibrated.layer.spread(calibrated.shift, 0.0).flatten()
    values = {}
    scale = torch.ones_like(shift)
    if calibrated.scale is not None:
        if type(layer).__name__ in ('NormedLinear', 'NormedConv2d'):
            raise ValueError(f'{name} is a {type(layer).__name__}, which normalizes its weights, so that they cannot hold the '
                             "scale of LogN; put dict(type='LogitShiftHook', method='logn', statistics=...) into custom_hooks "
                             'instead')
        scale = calibrated.layer.spread(calibrated.scale, 1.0).flatten()
        broadcast = scale.reshape(-1, *[1] * (weight.ndim - 1))
        values['weight'] = (weight.double().cpu() * broadcast).to(weight)
    values['bias'] = (bias.double().cpu() * scale + shift).to(bias)
    return values
