"""What weights the config's own init_cfg has loaded."""

import torch
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import nn


def pretrained_shapes(detector: nn.Module, layers: list[str]) -> dict[str, torch.Size]:
    """List the weights that an ``init_cfg`` of type ``Pretrained`` brings to layers, by reading its checkpoint again.

    ``model.init_cfg=dict(type='Pretrained', checkpoint=...)`` loads a whole detector, that of a head the head alone; mmengine
    tells no hook of either.

    Args:
        detector: The detector.
        layers: Names of layers in it. A checkpoint that is loaded into none of them, such as a backbone's, is not read.

    Returns:
        Shapes by the name of the weight in the detector, of all that the checkpoints bring to modules around the layers.
    """
    shapes: dict[str, torch.Size] = {}
    for name, module in detector.named_modules():
        prefix = f'{name}.' if name else ''
        configs = getattr(module, 'init_cfg', None) or []
        if not any(layer.startswith(prefix) for layer in layers):
            continue
        for config in [configs] if isinstance(configs, dict) else configs:
            if config['type'] not in ('Pretrained', PretrainedInit):
                continue
            checkpoint = CheckpointLoader.load_checkpoint(config['checkpoint'], map_location='cpu')
            shapes |= _renamed(checkpoint.get('state_dict', checkpoint), config.get('prefix'), prefix)
    return shapes


def _renamed(weights: dict, taken: str | None, given: str) -> dict[str, torch.Size]:
    """Name weights of a checkpoint as in the detector: those under a prefix, if one is named, under the module's."""
    start = f'{taken.rstrip(".")}.' if taken else ''
    shapes = {}
    for name, value in weights.items():
        own = name if taken else name.removeprefix('module.')
        if own.startswith(start) and isinstance(value, torch.Tensor):
            shapes[given + own.removeprefix(start)] = value.shape
    return shapes
