"""Checks of a config's detector and the weights that it starts from.

Each check yields levels and texts, and raises what ends a training.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

Found = Iterator[tuple[str, str]]
LFS_POINTER = b'version https://git-lfs'


def build_detector(cfg: 'Config', models: list[Any]) -> Found:
    """Build the detector, look for its pretrained weights, and put it into ``models``."""
    from mmdet.registry import MODELS

    if not cfg.get('model'):
        raise ValueError('the config has no model; add one, or a base config with one to _base_')
    for path in _pretrained(cfg.get('model')):
        if '://' in path:
            yield 'not checked', f'the weights {path}, which are downloaded'
        elif not os.path.isfile(path):
            raise FileNotFoundError(f'pretrained weights not found: {path}; correct checkpoint in init_cfg')
    model: Any = MODELS.build(cfg.model)
    models.append(model)
    number = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    yield 'ok', f'{type(model).__name__} of {number:.1f} million parameters'


def _pretrained(model: Any) -> Iterator[str]:
    """Yield the checkpoints that parts of a model start from."""
    if isinstance(model, dict):
        init_cfg = model.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
            yield str(init_cfg['checkpoint'])
        model = list(model.values())
    if isinstance(model, (list, tuple)):
        for part in model:
            yield from _pretrained(part)


def check_heads(model: Any, datasets: list[Any]) -> Found:
    """Compare the heads with the classes of the data sets."""
    from imbdet.losses.supported_heads import check_heads as check_losses
    from imbdet.training_checks.learnable import check_head_classes

    check_losses(model)
    metainfos = [getattr(dataset, 'metainfo', None) for dataset in datasets]
    found = [metainfo for metainfo in metainfos if isinstance(metainfo, dict) and metainfo.get('classes')]
    for metainfo in found:
        check_head_classes(model, metainfo['classes'], metainfo.get('thing_classes') or ())
    if found:
        yield 'ok', 'its heads have the classes of the data'


def check_weights(model: Any, path: str) -> Found:
    """Compare a checkpoint with the detector."""
    from imbdet.training_checks.loaded_weights import loaded_weights

    if '://' in path:
        yield 'not checked', f'load_from={path}, which is downloaded'
        return
    if os.path.isdir(path):
        yield 'not checked', f'load_from={path}, which is a folder'
        return
    shapes = _shapes(path)
    own = model.state_dict().keys()
    found = loaded_weights(model, shapes, own - shapes.keys(), shapes.keys() - own)
    if not found.kept:
        raise ValueError(f'load_from={path} fits no layer of the {type(model).__name__}: {found.summary()}')
    yield 'warning' if found.new or found.unused else 'ok', f'load_from={path}: {found.summary()}'


def _shapes(path: str) -> dict[str, Any]:
    """Read the shapes of a checkpoint's weights by name; mmengine drops the prefix of models that are wrapped in others."""
    from mmengine.runner.checkpoint import CheckpointLoader

    from imbdet.annotations.fault import first_few
    from imbdet.cli.errors import describe
    from imbdet.cli.resume import check_complete
    from imbdet.training_checks.loaded_weights import weight_shapes

    _check_binary(os.path.expanduser(path))
    check_complete(path)
    try:
        checkpoint: Any = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    except Exception as error:  # of pickle, zipfile or torch; they do not name the file
        raise ValueError(f'{path} cannot be loaded; it is broken, or not a checkpoint: {": ".join(describe(error))}') from error
    weights = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, dict) else checkpoint
    if not isinstance(weights, dict):
        raise ValueError(f'{path} has a {type(weights).__name__} where a dict of weights is needed; save '
                         'dict(state_dict=model.state_dict())')
    shapes = weight_shapes(weights)
    if not shapes:
        raise ValueError(f"{path} has no weights under 'state_dict', which mmdet reads; it has the keys: "
                         + (first_few(map(str, weights)) or 'none'))
    return shapes


def _check_binary(path: str) -> None:
    """Raise if a file is text: often it is what git-lfs or a failed download left instead of the weights."""
    if not os.path.isfile(path):
        return
    with open(path, 'rb') as file:
        start = file.read(512)
    if start.startswith(LFS_POINTER):
        raise ValueError(f"{path} is a git-lfs pointer, not a checkpoint; 'git lfs pull' downloads the file")
    if start and all(byte >= 32 or byte in b'\t\n\r' for byte in start):
        raise ValueError(f'{path} is a text file, not a checkpoint; download it again')
