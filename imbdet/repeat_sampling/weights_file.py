"""Image weight files, which multiply the repeat factors of single images in RepeatFactorSampler."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.data.image_table import MISSING, ImageKey, find_images

COLUMNS = ('image_id', 'path', 'weight')


def read_image_weights(path: str | Path, images: Sequence[ImageKey]) -> np.ndarray:
    r"""Read the multiplier of each image's repeat factor.

    .. math:: m_i = w_i / \min_j w_j

    with the minimum over all images of the file, so that no image is drawn less often than without the file.

    Args:
        path: A CSV file in UTF-8 with the columns ``image_id``, ``path`` and ``weight``, in any order and with others, such as
            the one that ``imbdet likelihoods`` writes. Weights must be above 0.
        images: The images of the training set.

    Returns:
        Multipliers, shape (len(images),), float64, at least 1.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, a weight is not a number above 0, or an image is not in the file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of image weights; it must be a CSV file with the columns '
                                f'{", ".join(COLUMNS)}, such as the one that imbdet likelihoods writes')
    try:
        with open(path, newline='', encoding='utf-8') as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f'{path}: no column {", ".join(missing)} in the first line; a file of image weights needs '
                                 f'the columns {", ".join(COLUMNS)}')
            rows = [(row['image_id'], row['path'], _weight(path, reader.line_num, row['weight'])) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f'{path}: not a CSV file in UTF-8 ({error})') from None
    if not rows:
        raise ValueError(f'{path}: no image weights after the first line; add a row per image')
    image_ids, paths, weights = zip(*rows, strict=True)
    positions = _positions(path, np.array(image_ids), np.array(paths), images)
    return np.array(weights)[positions] / min(weights)


def likelihood_multipliers(path: str | Path, images: Sequence[ImageKey], eta: float, gamma: float) -> np.ndarray:
    r"""Read appearance likelihoods, which imbdet 0.1 used instead of weights.

    .. math:: m_i = w(p_i) / w(1) = 1 + (1 - p_i)^\gamma / \eta

    Args:
        path: The ``npz`` file that ``imbdet likelihoods`` writes.
        images: The images of the training set.
        eta: Parameter eta, above 0.
        gamma: Parameter gamma, at least 0.

    Returns:
        Multipliers, shape (len(images),), float64, in [1, 1 + 1 / eta].

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, an argument or a likelihood is out of range, or an image is not in the file.
    """
    if not 0 < eta < float('inf') or not 0 <= gamma < float('inf'):
        raise ValueError(f'eta must be above 0 and gamma at least 0, got {eta} and {gamma}')
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file of likelihoods; create it with imbdet likelihoods CONFIG --out {path}')
    try:
        with np.load(path, allow_pickle=False) as arrays:
            image_ids, paths, likelihoods = (arrays[name] for name in ('image_ids', 'paths', 'likelihoods'))
    except Exception as error:  # for broken files, numpy, zipfile and zlib raise many types
        raise ValueError(f'{path}: not a file of imbdet likelihoods ({type(error).__name__}: {error}); create it '
                         'again') from None
    likelihoods = likelihoods[_positions(path, image_ids, paths, images)]
    if not ((likelihoods >= 0) & (likelihoods <= 1)).all():
        raise ValueError(f'{path}: likelihoods must be in [0, 1]; found values out of range or NaN')
    return 1 + (1 - likelihoods)**gamma / eta


def _weight(path: str | Path, line: int, text: str | None) -> float:
    try:
        weight = float(text or '')
    except ValueError:
        weight = float('nan')
    if not 0 < weight < float('inf'):
        raise ValueError(f'{path}, line {line}: a weight must be a number above 0, got {text!r}')
    return weight


def _positions(path: str | Path, image_ids: np.ndarray, paths: np.ndarray, images: Sequence[ImageKey]) -> np.ndarray:
    """Return the row of each image; raise if an image has none."""
    positions = find_images(image_ids, paths, images)
    names = [image.img_path for image, position in zip(images, positions, strict=True) if position == MISSING]
    if names:
        raise ValueError(f'{path} has no row for {len(names)} of {len(images)} training images, such as '
                         f'{", ".join(names[:3])}; add them, or create the file again for this training set')
    return positions
