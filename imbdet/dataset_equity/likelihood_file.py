"""The file of appearance likelihoods: written by ``imbdet likelihoods``, read by hook and sampler."""

import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from imbdet.files import whole_file, write_csv

MISSING = -1


class ImageKey(NamedTuple):
    """By what an image is looked up.

    Attributes:
        img_id: Its id in the annotation file.
        img_path: Its path, as the data set gives it.
    """

    img_id: Any
    img_path: str


class LikelihoodFile(NamedTuple):
    """What the file holds.

    Attributes:
        image_ids: Ids as text, shape (N,).
        paths: Paths below the folder ``made['root']``, with forward slashes, shape (N,).
        clusters: Cluster of each image, -1 for noise, shape (N,), int32.
        likelihoods: In [0, 1], shape (N,), float64.
        skipped: Paths of the images that could not be read, shape (S,).
        made: How all that was made: embedding, clustering, seed, versions.
    """

    image_ids: np.ndarray
    paths: np.ndarray
    clusters: np.ndarray
    likelihoods: np.ndarray
    skipped: np.ndarray
    made: dict[str, Any]

    def find(self, images: Sequence[ImageKey]) -> np.ndarray:
        """Find images by their id or, where the file holds an id twice, by the end of their path.

        Args:
            images: The images to find.

        Returns:
            Their positions in the file, shape (len(images),), int64; -1 for an image that it does not hold.

        Raises:
            ValueError: If an id stands for another image's name than in the file.
        """
        if len(np.unique(self.image_ids)) < len(self.image_ids):
            return self._find_paths([image.img_path for image in images])
        positions = _positions(self.image_ids, [str(image.img_id) for image in images])
        for image, position in zip(images, positions, strict=True):
            if position != MISSING and _stem(image.img_path) != _stem(self.paths[position]):
                raise ValueError(f'image id {image.img_id} is {image.img_path} in the data set and {self.paths[position]} '
                                 'in the file of likelihoods, which was made of other images; make it anew')
        return positions

    def _find_paths(self, paths: Sequence[str]) -> np.ndarray:
        """Match the ends of paths, because folders lie elsewhere on another machine; the longest match counts."""
        parts = [PurePosixPath(path.replace(os.sep, '/')).parts for path in paths]
        found = np.full(len(paths), MISSING)
        depths = {len(PurePosixPath(path).parts) for path in self.paths}
        for depth in sorted(depths):
            positions = _positions(self.paths, ['/'.join(part[-depth:]) for part in parts])
            found = np.where(positions != MISSING, positions, found)
        return found


def _stem(path: str) -> str:
    return PurePosixPath(str(path).replace(os.sep, '/')).stem


def _positions(keys: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Find ``wanted`` among ``keys``; -1 where it is not."""
    order = np.argsort(keys)
    names = np.array(wanted, dtype=np.str_)
    places = np.searchsorted(keys, names, sorter=order).clip(max=len(keys) - 1)
    positions = order[places]
    return np.where(keys[positions] == names, positions, MISSING)


def write_likelihoods(path: str | Path, content: LikelihoodFile) -> Path:
    """Write the file, a compressed ``npz`` of plain arrays, and a table ``csv`` beside it for people.

    Args:
        path: Where to write, ending in ``.npz``.
        content: What to write.

    Returns:
        The path.
    """
    path = Path(path)
    with whole_file(path) as temporary, open(temporary, 'wb') as packed:  # to a path, numpy would add its own suffix
        np.savez_compressed(packed, **{**content._asdict(), 'made': np.array(json.dumps(content.made))})
    sizes = dict(zip(*np.unique(content.clusters, return_counts=True), strict=True))
    write_csv(path.with_suffix('.csv'), [
        ('image_id', 'path', 'cluster', 'cluster_size', 'likelihood'),
        *((image_id, name, cluster, sizes[cluster], f'{likelihood:.6g}') for image_id, name, cluster, likelihood
          in zip(content.image_ids, content.paths, content.clusters, content.likelihoods, strict=True))])
    return path


def read_likelihoods(path: str | Path) -> LikelihoodFile:
    """Read a file of likelihoods. Pickles are not loaded.

    Args:
        path: The ``npz`` file.

    Returns:
        What it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or likelihoods are out of range.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of likelihoods; imbdet likelihoods CONFIG --out {path} '
                                'makes it')
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = LikelihoodFile(**{name: arrays[name] for name in LikelihoodFile._fields})
        content = content._replace(made=json.loads(str(content.made)))
        if {column.shape for column in content[:4]} != {(len(content.likelihoods), )} or not len(content.likelihoods):
            raise ValueError('columns of different lengths, or empty')
        in_range = ((content.likelihoods >= 0) & (content.likelihoods <= 1)).all()
    except Exception as error:  # of a broken file numpy, zipfile and zlib raise many
        raise ValueError(f'{path}: not a file of likelihoods as imbdet likelihoods writes it '
                         f'({type(error).__name__}: {error})') from None
    if not in_range:
        raise ValueError(f'{path}: likelihoods are in [0, 1]; some are outside, or no numbers')
    return content
