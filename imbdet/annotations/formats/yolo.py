"""Data sets in the format of the YOLO detectors, as Ultralytics describes it."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imbdet.annotations.formats.coco_entries import LabeledImage, coco_content
from imbdet.annotations.formats.image_files import choose_part, find_images
from imbdet.annotations.formats.yolo_dataset import YoloDataset
from imbdet.annotations.formats.yolo_labels import read_labels
from imbdet.annotations.reader import AnnotationError, AnnotationWarning


def read_yolo(dataset: YoloDataset, image_size: Callable[[Path], tuple[int, int]], part: str | None = None) -> dict[str, Any]:
    """Read a part of a YOLO data set.

    The labels of ``images/a.jpg`` are in ``labels/a.txt``: the last folder ``images`` of the path is replaced. An image whose
    label file is missing or empty has no objects. Of lines that are exactly equal only the first counts, as in Ultralytics'
    loader; a warning says how many there were.

    Args:
        dataset: The data set, from :func:`~imbdet.annotations.formats.yolo_dataset.find_yolo_dataset`.
        image_size: Function that returns width and height of an image file in pixels.
        part: The part. None: the only one.

    Returns:
        A dict with ``images``, ``annotations`` and ``categories``. A label line with a polygon has it as ``segmentation``.

    Raises:
        FileNotFoundError: If a folder, list or image is missing.
        AnnotationError: If a label line is wrong, a label file has no image, or no image has a label file.
        ValueError: If there are several parts and none is chosen, or there is no such part.
    """
    chosen = choose_part(dataset.source, dataset.parts, part)
    sources = [dataset.root / 'images'] if chosen is None else dataset.parts[chosen]
    images = [image for source in sources for image in _images_of(source, dataset.root)]
    if not images:
        raise AnnotationError(f'{dataset.source}: no images in {", ".join(map(str, sources))}')
    _check_repeats(dataset.source, images)
    if not any(label_file(image).is_file() for image in images):
        raise AnnotationError(f'{dataset.source}: none of the {len(images)} images has a label file; that of {images[0]} '
                              f'would be {label_file(images[0])}')
    for source in sources:
        if source.is_dir():
            _check_orphans(source, images)
    return coco_content(_labeled(images, dataset, image_size), dataset.names)


def label_file(image: Path) -> Path:
    """Return the label file of an image: the last folder ``images`` replaced by ``labels``, with the suffix ``.txt``."""
    folders = list(Path(os.path.abspath(image)).parent.parts)
    if 'images' in folders:
        folders[len(folders) - 1 - folders[::-1].index('images')] = 'labels'
    return Path(*folders, image.stem + '.txt')


def _labeled(images: list[Path], dataset: YoloDataset,
             image_size: Callable[[Path], tuple[int, int]]) -> Iterator[LabeledImage]:
    repeated: list[str] = []
    for image in tqdm(images, desc='reading labels', unit='image', disable=None):
        width, height = image_size(image)
        labels, repeated_lines = read_labels(label_file(image), len(dataset.names), width, height)
        repeated += repeated_lines
        yield LabeledImage(Path(os.path.relpath(image, dataset.root)).as_posix(), width, height, labels)
    if repeated:
        warnings.warn(f'{dataset.source}: {len(repeated)} label lines repeat an earlier one and are read once, such as '
                      f'{repeated[0]}', category=AnnotationWarning, stacklevel=2)


def _images_of(source: Path, root: Path) -> list[Path]:
    """List the images of a folder or of a text file, whose lines are relative to it or to the data set."""
    if source.is_dir():
        return find_images(source)
    if source.suffix.lower() != '.txt' or not source.is_file():
        raise FileNotFoundError(f'no such folder of images or .txt list of images: {source}')
    images = []
    for number, line in enumerate(source.read_text(encoding='utf-8-sig').splitlines(), start=1):
        if name := line.strip():
            found = next((folder / name for folder in (source.parent, root) if (folder / name).is_file()), None)
            if found is None:
                raise FileNotFoundError(f'{source}, line {number}: image {name} is neither in {source.parent} nor in {root}')
            images.append(found)
    return images


def _check_repeats(source: Path, images: list[Path]) -> None:
    seen: set[str] = set()
    for image in images:
        place = os.path.abspath(image)
        if place in seen:
            raise AnnotationError(f'{source}: image {image} is listed twice; list it once')
        seen.add(place)


def _check_orphans(folder: Path, images: list[Path]) -> None:
    """Raise an error for a label file without an image, whose objects would be lost."""
    labels = label_file(folder / 'any').parent
    if labels == folder or not labels.is_dir():  # labels next to the images, among files of any other kind
        return
    known = {label_file(image) for image in images}
    for path in sorted(labels.rglob('*.txt')):
        if path not in known and path.name != 'classes.txt':
            raise AnnotationError(f'{path} has no image in {folder}; add the image or remove the label file')
