"""``imbdet export CONFIG CHECKPOINT --out FOLDER``: extract the detector from a ModalityAgnosticDetector.

Writes a config and a checkpoint of the plain detector to the folder, with unchanged file names. Its detections are the same,
and ``imbdet test``, mmdet's tools and deployment treat it like any other detector.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbdet.cli.runs import load_config
from imbdet.files import atomic_write

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('config', type=Path, help='config that was trained')
    parser.add_argument('checkpoint', type=Path, help='its checkpoint')
    parser.add_argument('--out', type=Path, required=True, help='folder to write config and checkpoint to')


def plain_config(cfg: 'Config') -> 'Config':
    """Return a config whose model is the inner detector, with its data preprocessor from training.

    Args:
        cfg: A config of a ModalityAgnosticDetector.

    Raises:
        ValueError: If the model is something else.
    """
    from mmengine.config import Config

    if cfg.model.type.split('.')[-1] != 'ModalityAgnosticDetector':
        raise ValueError(f'{cfg.filename}: the model must be a ModalityAgnosticDetector, got {cfg.model.type}; other models '
                         'need no export')
    plain = cfg.to_dict()
    model = plain['model']
    data_preprocessor = model.get('data_preprocessor') or model['detector'].get('data_preprocessor')
    plain['model'] = {**model['detector'], 'data_preprocessor': data_preprocessor}
    return Config(plain)


def plain_weights(path: Path) -> dict[str, Any]:
    """Read a checkpoint and return that of the inner detector, without the state of optimizers and hooks.

    Args:
        path: The checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint of a ModalityAgnosticDetector.
    """
    import torch

    from imbdet.mipa.modality_agnostic_detector import PREFIX

    if not path.is_file():
        raise FileNotFoundError(f'checkpoint not found: {path}')
    checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    weights = checkpoint.get('state_dict', checkpoint)
    inside = {name.removeprefix(PREFIX): value for name, value in weights.items() if name.startswith(PREFIX)}
    if not inside:
        raise ValueError(f'{path} has no weights that begin with {PREFIX!r}, so it is not a checkpoint of a '
                         'ModalityAgnosticDetector')
    preprocessor = {name: value for name, value in weights.items() if name.startswith('data_preprocessor.')}
    return {'meta': checkpoint.get('meta', {}), 'state_dict': {**preprocessor, **inside}}


def run(arguments: argparse.Namespace) -> None:
    """Write config and checkpoint; an error leaves neither."""
    import torch

    config = plain_config(load_config(arguments.config))
    checkpoint = plain_weights(arguments.checkpoint)
    checkpoint['meta']['cfg'] = config.pretty_text
    files = [arguments.out / arguments.config.name, arguments.out / arguments.checkpoint.name]
    for path, source in zip(files, (arguments.config, arguments.checkpoint), strict=True):
        if path.exists() and path.samefile(source):
            raise ValueError(f'{path} would be overwritten by its own export; choose another folder with --out')
    with atomic_write(files[0]) as config_file, atomic_write(files[1]) as checkpoint_file:
        config.dump(config_file)
        torch.save(checkpoint, checkpoint_file)
    print(f'wrote {files[0]} and {files[1]}')
