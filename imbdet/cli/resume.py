"""Resuming from a checkpoint: which one, whether it is complete, and its seed."""

import os
import pickle
import re
import sys
import zipfile
from pathlib import Path

import torch
from mmengine.config import Config

PICKLE = b'\x80'  # first byte of files of torch before 1.6, or in its legacy format; they cannot be checked without loading


def is_complete(path: str | Path) -> bool:
    """Return whether a checkpoint is complete, without loading it.

    mmengine writes checkpoints in place, so a training that is killed while writing leaves a truncated file. torch.save writes
    a zip file, whose last bytes are its table of contents.

    Args:
        path: The file; or a folder, as with DeepSpeed, which is assumed to be complete.
    """
    path = Path(path)
    if not path.is_file():
        return path.is_dir()
    with path.open('rb') as file:
        return file.read(1) == PICKLE or zipfile.is_zipfile(path)


def check_complete(path: str | Path) -> None:
    """Raise unless a checkpoint exists and is complete; remote ones are left to mmengine.

    Args:
        path: The file, a folder, or an address such as ``https://...``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not complete.
    """
    if '://' in str(path):
        return
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f'checkpoint not found: {path}')
    if not is_complete(path):
        raise ValueError(f'{path} is not a complete checkpoint; it was truncated while it was written or copied')


def prepare_resume(cfg: Config) -> None:
    """Check the checkpoint to resume from or to load weights from, before anything is built or written.

    A resumed training always uses the seed of its checkpoint. mmengine sets the random generators to it, but only after
    samplers got the seed of the config or a random one, so this function sets the seed in the config.

    Args:
        cfg: An mmdet config with ``work_dir`` and, optionally, ``resume`` and ``load_from``; the seed is set in it.

    Raises:
        FileNotFoundError: If the checkpoint, or the one in ``last_checkpoint``, is missing; or if ``last_checkpoint`` itself is
            missing next to checkpoints that a training from scratch would overwrite.
        ValueError: If it is not complete, or not a checkpoint of a training.
    """
    path = cfg.get('load_from')
    if not cfg.get('resume'):
        if path is not None:
            check_complete(path)
        return
    folder = Path(cfg.work_dir) if path is None else Path(path).parent
    try:
        path = path or _last_checkpoint(folder)
        if path is not None:
            check_complete(path)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(f'{error}. {_advice(folder)}') from None
    seed = None if path is None else _seed(path)
    randomness = cfg.get('randomness') or {}
    if seed is not None and seed != randomness.get('seed'):
        _say(f'resuming with the seed {seed} of {path}; the seed of the config is {randomness.get("seed")}')
        cfg.randomness = {**randomness, 'seed': seed}


def _last_checkpoint(folder: Path) -> str | None:
    """Return the path in ``last_checkpoint`` of a work directory; None without a training there."""
    note = folder / 'last_checkpoint'
    if not note.is_file():
        if _newest_complete(folder) is not None:
            raise FileNotFoundError(f'{note} is missing, and a training from scratch would overwrite the other checkpoints')
        return None
    path = note.read_text(errors='replace').strip()
    if not path:
        raise ValueError(f'{note} is empty')
    if '://' not in path and not Path(path).exists():
        raise FileNotFoundError(f'{note} refers to {path}, which does not exist')
    return path


def _newest_complete(folder: Path) -> Path | None:
    """Return the newest complete checkpoint that mmengine's CheckpointHook wrote to a folder."""
    found = [path for path in folder.glob('*.pth') if re.fullmatch(r'(epoch|iter)_\d+', path.stem) and is_complete(path)]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _advice(folder: Path) -> str:
    newest = _newest_complete(folder)
    if newest is None:
        return f'There is no complete epoch_*.pth or iter_*.pth in {folder}; train from scratch, without --resume'
    return f'To use the newest complete checkpoint in the folder: --resume {newest}'


def _seed(path: str) -> int | None:
    """Read the seed of a training from its checkpoint; None if that requires more than tensors and plain containers."""
    file = Path(path).expanduser()
    if not file.is_file():
        return None
    try:
        checkpoint = torch.load(file, map_location='cpu', mmap=True, weights_only=True)  # does not load the values of tensors
    except (pickle.UnpicklingError, RuntimeError) as error:  # torch before 2.4 allows no class, and only maps zip files
        _say(f'the seed in {path} cannot be read ({type(error).__name__}); samplers use the seed of the config')
        return None
    if not isinstance(checkpoint, dict) or not {'epoch', 'iter'} <= set(checkpoint.get('meta') or ()):
        raise ValueError(f'{path} has no training to resume: its meta must contain epoch and iter; to start from its weights, '
                         f'omit --resume and set --cfg-options load_from={path}')
    return checkpoint['meta'].get('seed')


def _say(text: str) -> None:
    if os.environ.get('RANK', '0') == '0':
        print(f'imbdet: {text}', file=sys.stderr)
