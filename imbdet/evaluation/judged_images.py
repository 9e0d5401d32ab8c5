"""Which images of an annotation file an evaluation judges: each that was predicted, exactly once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def id_array(ids: Sequence[int | str]) -> np.ndarray:
    """Pack image ids into an array, of which each process holds a copy.

    Args:
        ids: N ids, integers or text.

    Returns:
        Shape (N,), of objects if there are both.
    """
    return np.array(ids, dtype=None if len({type(image) for image in ids}) == 1 else object)


def check_predicted(path: str | Path, predicted: Sequence[Any], in_file: np.ndarray) -> str | None:
    """Check that each image was predicted at most once, and is in the annotation file.

    Args:
        path: The annotation file, for messages.
        predicted: Id of each image that was predicted, with or without detections.
        in_file: Ids of the file's images, shape (N,).

    Returns:
        What to say if only a part of the images was predicted; None if all were.

    Raises:
        ValueError: If no image was predicted, one was more than once, or one is not in the file.
    """
    if not predicted:
        raise ValueError(f'no image was predicted, so that there is nothing to evaluate against {path}')
    counts = Counter(predicted)
    twice = [image for image, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f'{len(twice)} images were predicted more than once (first: image {twice[0]!r}, '
                         f'{counts[twice[0]]} times), but each image of {path} is judged once. The data set lists images '
                         'repeatedly, or joins files with the same image ids: evaluate it file by file')
    known = set(in_file.tolist())
    unknown = [image for image in counts if image not in known]
    if unknown:
        raise ValueError(f'{path} has no image {unknown[0]!r}, but there are predictions on it ({len(unknown)} of '
                         f'{len(counts)} images are not in the file); evaluate against the annotations of the images that '
                         'were tested')
    if len(counts) < len(known):
        return (f'judged {len(counts)} of the {len(known)} images of {path}: the others were not predicted, and their objects '
                'do not count. Results for all images need a data set with all of them, without indices')
    return None
