"""Reading a file with the weights of a model of timm."""

import sys
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from imbdet.layers.timm_network import import_timm

SHOWN = 3
"""Layers that an error names."""


def read_weights(file: str, model_name: str, options: dict[str, Any]) -> dict[str, Tensor]:
    """Read a file of weights and check that it is one of the model, but for the classifier.

    Args:
        file: A state dict, or a checkpoint that holds one, of torch or safetensors.
        model_name: Of timm.
        options: Of ``timm.create_model``, with which the backbone is built.

    Returns:
        The tensors as they are in the file, without what DDP and torch.compile put before their names.

    Raises:
        ValueError: If the file cannot be read without running code from it, or does not fit the model.
    """
    timm = import_timm()
    try:
        state = timm.models.load_state_dict(file, weights_only=True)
        model = timm.create_model(model_name, **options)
        converted = _as_of_timm(state, model)
    except Exception as error:  # torch, safetensors and timm raise several
        raise ValueError(f'TimmBackbone: {file} is no file of weights for {model_name} that can be read without running code '
                         f'({type(error).__name__}: {error}). Give a file that holds its state dict alone') from error
    classifiers = model.pretrained_cfg.get('classifier') or ()
    prefixes = tuple(f'{name}.' for name in ([classifiers] if isinstance(classifiers, str) else classifiers))
    if problems := _misfits(converted, model, prefixes):
        raise ValueError(f'TimmBackbone: the weights of {file} do not fit {model_name}: {"; ".join(problems)}')
    left_out = [name for name in converted if name.startswith(prefixes)]
    print_log(f'TimmBackbone {model_name}: loaded {file}' + (f' without the classifier, {left_out}' if left_out else ''),
              logger='current')
    return state


def _as_of_timm(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Rename and resize the tensors as timm does when it loads them, such as position embeddings of another image size."""
    convert = getattr(sys.modules[type(model).__module__], 'checkpoint_filter_fn', None)
    return convert(dict(state), model) if convert else state


def _misfits(state: dict[str, Tensor], model: nn.Module, classifiers: tuple[str, ...]) -> list[str]:
    """Say what is missing, unexpected or of another shape."""
    first_layers = model.pretrained_cfg.get('first_conv') or ()  # type: ignore[union-attr, operator]
    first_layers = (first_layers, ) if isinstance(first_layers, str) else first_layers

    def shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in tensors.items() if not name.startswith(classifiers)
                and not name.endswith('num_batches_tracked')}  # of no use, and lacking in files before torch 0.4.1

    wanted, given = shapes(model.state_dict()), shapes(state)
    other = [name for name in wanted.keys() & given.keys() if wanted[name] != given[name]
             and name.removesuffix('.weight') not in first_layers]  # timm adapts them to other numbers of input channels
    found = {
        'missing': [f'{name} {shape}' for name, shape in wanted.items() if name not in given],
        'unexpected': [f'{name} {shape}' for name, shape in given.items() if name not in wanted],
        'of another shape': [f'{name} {given[name]}, not {wanted[name]}' for name in sorted(other)],
    }
    return [f'{len(names)} {what}: {", ".join(names[:SHOWN])}' + (', ...' if len(names) > SHOWN else '')
            for what, names in found.items() if names]
