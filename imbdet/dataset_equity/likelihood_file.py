"""The file of appearance likelihoods: written by ``imbdet likelihoods``, read by DatasetEquityHook."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imbdet.data.image_table import ImageKey, find_images
from imbdet.dataset_equity.likelihoods import equity_weights
from imbdet.files import atomic_write, write_csv


class LikelihoodFile(NamedTuple):
    """Content of the file.

    Attributes:
        image_ids: Ids as text, shape (N,).
        paths: Paths below the folder ``provenance['root']``, with forward slashes, shape (N,).
        clusters: Cluster of each image, -1 for noise, shape (N,), int32.
        likelihoods: In [0, 1], shape (N,), float64.
        skipped: Paths of the images that could not be read, shape (S,).
        provenance: How the file was created: embedding, clustering, seed, versions; ``made`` in the file.
    """

    image_ids: np.ndarray
    paths: np.ndarray
    clusters: np.ndarray
    likelihoods: np.ndarray
    skipped: np.ndarray
    provenance: dict[str, Any]

    @property
    def made(self) -> dict[str, Any]:
        """The name that ``provenance`` had in imbdet 0.1; it goes away in imbdet 0.3."""
        return self.provenance

    def find(self, images: Sequence[ImageKey]) -> np.ndarray:
        """Find images by their id or, if the file contains an id twice, by the end of their path.

        Args:
            images: The images to find.

        Returns:
            Their positions in the file, shape (len(images),), int64; -1 for an image that is not in it.

        Raises:
            ValueError: If an id belongs to an image of another name in the file.
        """
        return find_images(self.image_ids, self.paths, images)


def write_likelihoods(path: str | Path, content: LikelihoodFile, weights: np.ndarray | None = None) -> Path:
    """Write the file, a compressed ``npz`` of plain arrays, and a table ``csv`` next to it.

    The table is for people, and for ``image_weights`` of RepeatFactorSampler.

    Args:
        path: Where to write, ending in ``.npz``.
        content: Content of the file.
        weights: Weight of each image for the table, shape (N,). None: those of :func:`equity_weights` with its defaults.

    Returns:
        The path.
    """
    path = Path(path)
    with atomic_write(path) as temporary, open(temporary, 'wb') as packed:  # to a path, numpy would add its own suffix
        arrays = {name: value for name, value in content._asdict().items() if name != 'provenance'}
        np.savez_compressed(packed, **arrays, made=np.array(json.dumps(content.provenance)))
    weights = equity_weights(content.likelihoods) if weights is None else weights
    sizes = dict(zip(*np.unique(content.clusters, return_counts=True), strict=True))
    write_csv(path.with_suffix('.csv'), [
        ('image_id', 'path', 'cluster', 'cluster_size', 'likelihood', 'weight'),
        *((image_id, name, cluster, sizes[cluster], f'{likelihood:.6g}', f'{weight:.9g}')
          for image_id, name, cluster, likelihood, weight in zip(
              content.image_ids, content.paths, content.clusters, content.likelihoods, weights, strict=True))])
    return path


def read_likelihoods(path: str | Path) -> LikelihoodFile:
    """Read a file of likelihoods. Pickles are not loaded.

    Args:
        path: The ``npz`` file.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or likelihoods are out of range.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of likelihoods; imbdet likelihoods CONFIG --out {path} '
                                'makes it')
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = LikelihoodFile(**{name: arrays[name] for name in LikelihoodFile._fields[:-1]},
                                     provenance=json.loads(str(arrays['made'])))
        if {column.shape for column in content[:4]} != {(len(content.likelihoods), )} or not len(content.likelihoods):
            raise ValueError('columns of different lengths, or empty')
        in_range = ((content.likelihoods >= 0) & (content.likelihoods <= 1)).all()
    except Exception as error:  # of a broken file numpy, zipfile and zlib raise many
        raise ValueError(f'{path}: not a file of likelihoods as imbdet likelihoods writes it '
                         f'({type(error).__name__}: {error})') from None
    if not in_range:
        raise ValueError(f'{path}: likelihoods must be in [0, 1]; found values out of range or NaN')
    return content
