"""Which checkpoint a training goes on from, whether it is whole, and the seed in it."""

import os
import pickle
import re
import sys
import zipfile
from pathlib import Path

import torch
from mmengine.config import Config

PICKLE = b'\x80'  # how files begin that torch wrote before 1.6, or where told to; their end cannot be seen without loading


def is_complete(path: str | Path) -> bool:
    """Tell whether a checkpoint was written to its end, without loading it.

    mmengine writes a checkpoint in place, so that a training killed meanwhile leaves a part of it. torch.save writes a zip
    file, whose last bytes are its table of contents.

    Args:
        path: The file; or a folder, as DeepSpeed's are, which is taken to be whole.
    """
    path = Path(path)
    if not path.is_file():
        return path.is_dir()
    with path.open('rb') as file:
        return file.read(1) == PICKLE or zipfile.is_zipfile(path)


def check_complete(path: str | Path) -> None:
    """Raise unless a checkpoint is there and whole; one that is not on this machine is left to mmengine.

    Args:
        path: The file, a folder, or an address such as ``https://...``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it was not written to its end.
    """
    if '://' in str(path):
        return
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f'checkpoint not found: {path}')
    if not is_complete(path):
        raise ValueError(f'{path} is not a whole checkpoint; it was cut off while it was written or copied')


def prepare_resume(cfg: Config) -> None:
    """Check the checkpoint that a training goes on from or takes its weights from, before anything is built or written.

    The seed of a resumed training is its checkpoint's, whatever the config says: mmengine sets the random generators to it,
    but only after samplers got the config's, or a random one.

    Args:
        cfg: An mmdet config with ``work_dir``, and where it says so ``resume`` and ``load_from``; it gets the seed.

    Raises:
        FileNotFoundError: If the checkpoint, or the one that ``last_checkpoint`` names, is gone; or ``last_checkpoint`` itself
            while checkpoints are there, which a training from the start would overwrite.
        ValueError: If it is not whole, or not of a training.
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
        _say(f'resuming with the seed {seed} of {path}; the config says {randomness.get("seed")}')
        cfg.randomness = {**randomness, 'seed': seed}


def _last_checkpoint(folder: Path) -> str | None:
    """Return what ``last_checkpoint`` of a work directory names; None if no training was there."""
    note = folder / 'last_checkpoint'
    if not note.is_file():
        if _newest_whole(folder) is not None:
            raise FileNotFoundError(f'{note} is gone, and a training from the start would overwrite the checkpoints beside it')
        return None
    path = note.read_text(errors='replace').strip()
    if not path:
        raise ValueError(f'{note} is empty')
    if '://' not in path and not Path(path).exists():
        raise FileNotFoundError(f'{note} names {path}, which is gone')
    return path


def _newest_whole(folder: Path) -> Path | None:
    """Return the newest of the whole checkpoints that mmengine's CheckpointHook wrote to a folder."""
    found = [path for path in folder.glob('*.pth') if re.fullmatch(r'(epoch|iter)_\d+', path.stem) and is_complete(path)]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _advice(folder: Path) -> str:
    newest = _newest_whole(folder)
    if newest is None:
        return f'No whole epoch_*.pth or iter_*.pth is in {folder}: train from the start, without --resume'
    return f'The newest whole checkpoint beside it goes on: --resume {newest}'


def _seed(path: str) -> int | None:
    """Read the seed that a training had out of its checkpoint; None if that takes more than tensors and plain containers."""
    file = Path(path).expanduser()
    if not file.is_file():
        return None
    try:
        checkpoint = torch.load(file, map_location='cpu', mmap=True, weights_only=True)  # of tensors not the numbers
    except (pickle.UnpicklingError, RuntimeError) as error:  # torch before 2.4 lets no class through, and maps zip files only
        _say(f'the seed in {path} cannot be read ({type(error).__name__}): samplers take that of the config')
        return None
    if not isinstance(checkpoint, dict) or not {'epoch', 'iter'} <= set(checkpoint.get('meta') or ()):
        raise ValueError(f'{path} holds no training to resume, of which its meta would say epoch and iter; to start from its '
                         f'weights, leave out --resume and give --cfg-options load_from={path}')
    return checkpoint['meta'].get('seed')


def _say(text: str) -> None:
    if os.environ.get('RANK', '0') == '0':
        print(f'imbdet: {text}', file=sys.stderr)
