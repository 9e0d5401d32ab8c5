"""Embeddings of many images, computed by several processes in shards, so that a killed run can be continued."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from imbdet.data.image_reader import ImageReader
from imbdet.dataset_equity.embedding_networks import Embedding
from imbdet.files import atomic_write

IMAGES_PER_SHARD = 1000
"""Number of images that each process embeds again at most after it was killed."""
READER = ImageReader()
"""mmdet's default."""


class _Images(Dataset):
    """The prepared images of some paths; None for one that cannot be read."""

    def __init__(self, paths: Sequence[str], embedding: Embedding, reader: ImageReader) -> None:
        self.paths, self.embedding, self.reader = paths, embedding, reader

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray | None:
        try:
            return self.embedding.prepare(self.reader.read_rgb(self.paths[index]))
        except (OSError, ValueError):
            return None


def _collate(images: list[np.ndarray | None]) -> tuple[Tensor, Tensor]:
    readable = [torch.from_numpy(np.ascontiguousarray(image)) for image in images if image is not None]
    return torch.stack(readable) if readable else torch.empty(0), torch.tensor([image is not None for image in images])


def cache_folder(folder: str | Path, paths: Sequence[str], embedding: Embedding, reader: ImageReader = READER) -> Path:
    """Return the folder of the shards for these images and this embedding.

    A weight file is identified by its path, size and modification time, so that new weights get a new folder.

    Args:
        folder: Parent folder.
        paths: The images.
        embedding: The embedding.
        reader: How the images are read.

    Returns:
        ``folder/NAME-DIGEST``.
    """
    weights = Path(str(embedding.description['weights']))
    state = (weights.stat().st_size, weights.stat().st_mtime_ns) if weights.is_file() else ()
    described = [list(paths), embedding.description, state, IMAGES_PER_SHARD, asdict(reader)]
    digest = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
    return Path(folder) / f'{embedding.description["name"].replace(":", "-").replace("/", "-")}-{digest}'


def embed_shard(paths: Sequence[str], embedding: Embedding, reader: ImageReader, batch_size: int, num_workers: int,
                device: torch.device, bar: tqdm) -> tuple[np.ndarray, np.ndarray]:
    """Embed some images.

    Args:
        paths: The images.
        embedding: The embedding.
        reader: How the images are read.
        batch_size: Images per batch.
        num_workers: Processes that read images.
        device: Device to compute on; on a GPU in half precision.
        bar: Progress bar, which advances by one per image.

    Returns:
        Embeddings of the readable images, shape (readable, D), float32, and which are, shape (len(paths),), bool.
    """
    loader: DataLoader = DataLoader(_Images(paths, embedding, reader), batch_size, num_workers=num_workers, collate_fn=_collate)
    features, readable = [], []
    with torch.inference_mode(), torch.autocast(device.type, enabled=device.type == 'cuda'):
        for batch, is_readable in loader:
            if len(batch):
                features.append(embedding.embed(batch.to(device)).float().cpu().numpy())
            readable.append(is_readable.numpy())
            bar.update(len(is_readable))
    return np.concatenate(features) if features else np.empty((0, 0), np.float32), np.concatenate(readable)


def _times(paths: Sequence[str]) -> np.ndarray:
    """Return when each file was written, in ns; -1 for a missing file."""
    return np.array([os.stat(path).st_mtime_ns if os.path.isfile(path) else -1 for path in paths])


def _is_current(shard: Path, written: np.ndarray) -> bool:
    """Return whether a shard exists and none of its images was written since."""
    if not shard.is_file():
        return False
    with np.load(shard, allow_pickle=False) as arrays:
        return np.array_equal(arrays['written'], written)


def embed_shards(paths: Sequence[str],
                 embedding: Embedding,
                 folder: Path,
                 batch_size: int,
                 num_workers: int,
                 device: torch.device,
                 rank: int = 0,
                 world_size: int = 1,
                 reader: ImageReader = READER) -> None:
    """Embed this process's share of the images and write it shard by shard.

    Existing shards are kept unless one of their images was written since then, for example to repair it.

    Args:
        paths: All images.
        embedding: The embedding.
        folder: Folder of the shards, see :func:`cache_folder`.
        batch_size: Images per batch.
        num_workers: Processes that read images.
        device: Device to compute on.
        rank: Rank of this process.
        world_size: Number of processes.
        reader: How the images are read: as the training reads them.
    """
    shards = {shard: paths[shard * IMAGES_PER_SHARD:(shard + 1) * IMAGES_PER_SHARD]
              for shard in range(rank, -(-len(paths) // IMAGES_PER_SHARD), world_size)}
    with tqdm(total=sum(map(len, shards.values())), unit='image', desc='embedding', disable=None if rank == 0 else True) as bar:
        for shard, shard_paths in shards.items():
            file = folder / f'part_{shard:05d}.npz'
            written = _times(shard_paths)
            if _is_current(file, written):
                bar.update(len(shard_paths))
                continue
            features, readable = embed_shard(shard_paths, embedding, reader, batch_size, num_workers, device, bar)
            with atomic_write(file) as temporary:
                np.savez(temporary, features=features, readable=readable, written=written)


def load_shards(folder: Path, num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Read all shards.

    Args:
        folder: Folder of the shards.
        num_images: Number of embedded images.

    Returns:
        Embeddings of the readable images, shape (readable, D), float32, and which are, shape (num_images,), bool.

    Raises:
        FileNotFoundError: If a shard is missing.
        ValueError: If no image could be read.
    """
    features, readable = [], []
    for shard in range(-(-num_images // IMAGES_PER_SHARD)):
        with np.load(folder / f'part_{shard:05d}.npz', allow_pickle=False) as arrays:
            if len(arrays['features']):
                features.append(arrays['features'])
            readable.append(arrays['readable'])
    if not features:
        raise ValueError(f'none of the {num_images} images could be read; check the folder of images')
    return np.concatenate(features), np.concatenate(readable)
