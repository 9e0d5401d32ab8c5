"""Which modules of a network of timm are its stem and its first stages."""

from typing import Any

from torch import nn

FIRST_STRIDE = 4
"""Of the first stage, as in mmdet's ResNet."""


def stage_modules(network: nn.Module, stages: int, model_name: str) -> frozenset[str]:
    """Name the modules of the stem and the first stages.

    A network's modules are registered in the order in which they run, which timm's own feature networks rely on. So a
    stage ends where the module ends that gives its feature.

    Args:
        network: A network with ``features_only`` of timm.
        stages: -1 for nothing, 0 for the stem, k for the stem and the first k stages.
        model_name: For the error.

    Returns:
        The names in the network. Modules that contain some of them are among them: a parameter of their own, such as a
        position embedding, belongs to the stem.

    Raises:
        ValueError: If the network has fewer stages, or timm does not tell where they end.
    """
    if stages == -1:
        return frozenset()
    info: list[dict[str, Any]] = network.feature_info.info  # type: ignore[union-attr, assignment]
    first = next((index for index, feature in enumerate(info) if feature['reduction'] >= FIRST_STRIDE), len(info))
    if not 0 <= stages <= len(info) - first:
        raise ValueError(f'TimmBackbone: frozen_stages of {model_name} must be in [-1, {len(info) - first}], got {stages}')
    names = [name for name, _ in network.named_modules()]
    if stages == 0 and first == 0:  # no feature is that of the stem, which is what comes before the first stage
        return frozenset(names[:_place(names, info[0]['module'], model_name)[0]])
    return frozenset(names[:_place(names, info[first + stages - 1]['module'], model_name)[1]])


def _place(names: list[str], module: str, model_name: str) -> tuple[int, int]:
    """Find a module among all: its index, and that after the last one which it contains.

    timm names it as in the whole model; a feature network may have it in another module, or 'layers.0' as 'layers_0'.
    """

    def plain(name: str) -> str:
        return name.removeprefix('model.').removeprefix('body.').replace('.', '_')

    found = [index for index, name in enumerate(names) if plain(name) == plain(module)]
    if len(found) != 1:
        raise ValueError(f'TimmBackbone: with these out_indices, {model_name} has no module {module!r}, where a frozen stage '
                         'would end: choose a lower frozen_stages')
    inside = [index for index, name in enumerate(names) if name.startswith(f'{names[found[0]]}.')]
    return found[0], max(inside, default=found[0]) + 1
