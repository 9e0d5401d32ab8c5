"""Embedding many images: in parts that survive a kill, by several processes."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from imbdet.dataset_equity.embedding_networks import Embedding
from imbdet.files import atomic_write

PART = 1000
"""Images in a part: what a kill costs at most, for each process."""


class _Images(Dataset):
    """The prepared images of some paths; None for one that cannot be read."""

    def __init__(self, paths: Sequence[str], embedding: Embedding) -> None:
        self.paths, self.embedding = paths, embedding

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray | None:
        try:
            with Image.open(self.paths[index]) as image:
                pixels = np.asarray(image.convert('RGB'))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what PIL raises of broken files
            return None
        return self.embedding.prepare(pixels)


def _collate(images: list[np.ndarray | None]) -> tuple[Tensor, Tensor]:
    readable = [torch.from_numpy(np.ascontiguousarray(image)) for image in images if image is not None]
    return torch.stack(readable) if readable else torch.empty(0), torch.tensor([image is not None for image in images])


def cache_folder(folder: str | Path, paths: Sequence[str], embedding: Embedding) -> Path:
    """Name the folder of the parts of just these images, embedded in just this way.

    A file of weights is known by its path, size and time, so that training it further makes another folder.

    Args:
        folder: Folder around it.
        paths: The images.
        embedding: The embedding.

    Returns:
        ``folder/NAME-DIGEST``.
    """
    weights = Path(str(embedding.description['weights']))
    state = (weights.stat().st_size, weights.stat().st_mtime_ns) if weights.is_file() else ()
    digest = hashlib.sha256(json.dumps([list(paths), embedding.description, state, PART]).encode()).hexdigest()[:12]
    return Path(folder) / f'{embedding.description["name"].replace(":", "-").replace("/", "-")}-{digest}'


def embed_part(paths: Sequence[str], embedding: Embedding, batch_size: int, num_workers: int, device: torch.device,
               bar: tqdm) -> tuple[np.ndarray, np.ndarray]:
    """Embed some images.

    Args:
        paths: The images.
        embedding: The embedding.
        batch_size: Images in a batch.
        num_workers: Processes that read images.
        device: Where to compute, on a GPU in half precision.
        bar: Progress, an image a step.

    Returns:
        Embeddings of the readable images, shape (readable, D), float32, and which are, shape (len(paths),), bool.
    """
    loader: DataLoader = DataLoader(_Images(paths, embedding), batch_size, num_workers=num_workers, collate_fn=_collate)
    features, readable = [], []
    with torch.inference_mode(), torch.autocast(device.type, enabled=device.type == 'cuda'):
        for batch, is_readable in loader:
            if len(batch):
                features.append(embedding.embed(batch.to(device)).float().cpu().numpy())
            readable.append(is_readable.numpy())
            bar.update(len(is_readable))
    return np.concatenate(features) if features else np.empty((0, 0), np.float32), np.concatenate(readable)


def _times(paths: Sequence[str]) -> np.ndarray:
    """Give the time at which each file was written, in ns; -1 where there is none."""
    return np.array([os.stat(path).st_mtime_ns if os.path.isfile(path) else -1 for path in paths])


def _is_current(part: Path, written: np.ndarray) -> bool:
    """Tell whether a part is there and its images are as they were."""
    if not part.is_file():
        return False
    with np.load(part, allow_pickle=False) as arrays:
        return np.array_equal(arrays['written'], written)


def embed_parts(paths: Sequence[str],
                embedding: Embedding,
                folder: Path,
                batch_size: int,
                num_workers: int,
                device: torch.device,
                rank: int = 0,
                world_size: int = 1) -> None:
    """Embed this process's share of the images and write it, part by part.

    Parts that exist are kept, unless one of their images was written since then, for example because it was repaired.

    Args:
        paths: All images.
        embedding: The embedding.
        folder: Where the parts are, see :func:`cache_folder`.
        batch_size: Images in a batch.
        num_workers: Processes that read images.
        device: Where to compute.
        rank: Number of this process.
        world_size: Number of processes.
    """
    parts = range(rank, -(-len(paths) // PART), world_size)
    with tqdm(total=sum(len(paths[part * PART:(part + 1) * PART]) for part in parts), unit='image', desc='embedding',
              disable=None if rank == 0 else True) as bar:
        for part in parts:
            file = folder / f'part_{part:05d}.npz'
            of_part = paths[part * PART:(part + 1) * PART]
            written = _times(of_part)
            if _is_current(file, written):
                bar.update(len(of_part))
                continue
            features, readable = embed_part(of_part, embedding, batch_size, num_workers, device, bar)
            with atomic_write(file) as temporary:
                np.savez(temporary, features=features, readable=readable, written=written)


def load_parts(folder: Path, num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Read all parts.

    Args:
        folder: Where they are.
        num_images: How many images were embedded.

    Returns:
        Embeddings of the readable images, shape (readable, D), float32, and which are, shape (num_images,), bool.

    Raises:
        FileNotFoundError: If a part is missing.
        ValueError: If no image could be read.
    """
    features, readable = [], []
    for part in range(-(-num_images // PART)):
        with np.load(folder / f'part_{part:05d}.npz', allow_pickle=False) as arrays:
            if len(arrays['features']):
                features.append(arrays['features'])
            readable.append(arrays['readable'])
    if not features:
        raise ValueError(f'none of the {num_images} images could be read; check the folder of images')
    return np.concatenate(features), np.concatenate(readable)
