"""What a checkpoint brought to a model: which layers it filled, and which stayed as they were."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from imbdet.annotations.fault import first_few


class LoadedWeights(NamedTuple):
    """What a checkpoint brought to a model.

    Attributes:
        kept: Layers that have all their parameters from the checkpoint.
        new: Layers that have not, each with the reason.
        unused: Layers of the checkpoint that the model does not have.
    """

    kept: list[str]
    new: dict[str, str]
    unused: list[str]

    def summary(self) -> str:
        """Describe it in one line."""
        parts = [f'{len(self.kept)} of {len(self.kept) + len(self.new)} layers are from the checkpoint']
        if self.new:
            parts.append('new are ' + first_few(f'{layer} ({reason})' for layer, reason in self.new.items()))
        if self.unused:
            parts.append('of the checkpoint, the model does not have ' + first_few(self.unused))
        return '; '.join(parts)


def loaded_weights(model: nn.Module,
                   shapes: dict[str, torch.Size],
                   missing: Iterable[str],
                   unexpected: Iterable[str]) -> LoadedWeights:
    """Find out what a checkpoint brought to a model.

    Args:
        model: The model, after it has loaded.
        shapes: Shapes of the checkpoint's tensors by name.
        missing: Names of the model's tensors that the checkpoint did not have, as torch reports them.
        unexpected: Names of the checkpoint's tensors that the model does not have, likewise.

    Returns:
        The layers. A layer is a module with parameters of its own; buffers, such as the statistics of batch norms, belong to
        theirs: a layer that lacks these counts as new. One that lacks only other buffers counts as kept: losses and heads of
        an older version may lack them.
    """
    absent = set(missing)
    reasons: dict[str, str] = {}
    layers = []
    for name, parameter in model.named_parameters(remove_duplicate=False):
        layer = _layer(name)
        layers.append(layer)
        if name in absent:
            reasons.setdefault(layer, 'not in the checkpoint')
        elif name in shapes and shapes[name] != parameter.shape:
            reasons[layer] = (f'{name.rpartition(".")[2]} has shape {_text(parameter.shape)}, in the checkpoint '
                              + _text(shapes[name]))
    for name, _ in model.named_buffers():
        if name in absent and name.endswith(('running_mean', 'running_var')):
            reasons.setdefault(_layer(name), f'{name.rpartition(".")[2]} not in the checkpoint')
    kept = [layer for layer in dict.fromkeys(layers) if layer not in reasons]
    return LoadedWeights(kept, reasons, list(dict.fromkeys(map(_layer, unexpected))))


def weight_shapes(weights: Mapping[Any, Any]) -> dict[str, torch.Size]:
    """Return the shapes of a checkpoint's tensors by name, without the prefix of models that are wrapped in others.

    Args:
        weights: The ``state_dict`` of a checkpoint.
    """
    return {str(name).removeprefix('module.'): value.shape for name, value in weights.items()
            if isinstance(value, torch.Tensor)}


def _layer(name: str) -> str:
    return name.rpartition('.')[0] or name


def _text(shape: torch.Size) -> str:
    return ' x '.join(map(str, shape)) or '1'
