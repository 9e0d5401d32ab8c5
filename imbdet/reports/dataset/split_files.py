"""Annotation files of a split: their names, what they must not overwrite, and writing them."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations.splitting import part_content, training_categories
from imbdet.classes import frequency_groups
from imbdet.files import atomic_write
from imbdet.reports.dataset.split_numbers import PartCounts


class PartFiles(NamedTuple):
    """Files of a validation part and of the training images that belong to it."""

    train: Path
    val: Path


def part_files(folder: Path, num_folds: int | None) -> list[PartFiles]:
    """Return the files of a split: ``train.json`` and ``val.json``, of folds in ``fold_0/``, ``fold_1/``, ...

    Args:
        folder: Folder to write to.
        num_folds: Number of folds; None without folds.
    """
    folders = [folder] if num_folds is None else [folder / f'fold_{fold}' for fold in range(num_folds)]
    return [PartFiles(part / 'train.json', part / 'val.json') for part in folders]


def check_overwriting(folder: Path, files: Sequence[PartFiles], source: Path) -> None:
    """Refuse to overwrite the input, or anything but an earlier split, and to mix files of two splits.

    ``split.json`` marks the folder of an earlier split.

    Args:
        folder: Folder to write to.
        files: Files to be written.
        source: The input.

    Raises:
        ValueError: If the split would do so.
    """
    if folder.is_file():
        raise ValueError(f'--out must be a folder, {folder} is a file')
    wanted = [path for pair in files for path in pair]
    existing = [path for path in (*part_files(folder, None)[0], *sorted(folder.glob('fold_*/train.json')),
                                  *sorted(folder.glob('fold_*/val.json'))) if path.exists()]
    for path in existing:
        if path.samefile(source):
            raise ValueError(f'{path} is the input; choose another folder for --out')
        if path not in wanted:
            raise ValueError(f'{path} is of an earlier split of another kind; remove it, or choose another folder for --out')
    others = [path for path in (*existing, folder / 'index.html') if path.exists()]
    if others and not (folder / 'split.json').exists():
        raise ValueError(f'{others[0]} exists and is not from imbdet split; choose another folder for --out')


def write_parts(files: Sequence[PartFiles], content: dict[str, Any], parts: np.ndarray, counts: PartCounts) -> None:
    """Write the annotation files. All of them are complete before the first replaces an older one.

    Args:
        files: Files of each validation part.
        content: Content of the whole file.
        parts: Part of each image, shape (N,), int64.
        counts: Images and boxes of the classes in the parts.
    """
    ids = np.array([image['id'] for image in content['images']], dtype=object)
    with contextlib.ExitStack() as written:
        for pair, part in zip(files, counts.validation, strict=True):
            is_training = parts != part
            images, boxes = (values.sum(axis=0) - values[part] for values in (counts.images, counts.boxes))
            categories = training_categories(content['categories'], images, boxes, frequency_groups(images).tolist())
            for path, chosen in ((pair.train, is_training), (pair.val, ~is_training)):
                temporary = written.enter_context(atomic_write(path))
                text = json.dumps(part_content(content, set(ids[chosen].tolist()), categories))
                temporary.write_text(text + '\n', encoding='utf-8')
