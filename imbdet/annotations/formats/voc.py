"""Folders in the format of PASCAL VOC."""

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imbdet.annotations.formats.coco_entries import Label, LabeledImage, coco_content
from imbdet.annotations.formats.image_files import choose_part, find_images
from imbdet.annotations.formats.voc_xml import VocLabels, read_xml
from imbdet.annotations.reader import AnnotationError, AnnotationWarning

OF_ONE_CLASS = re.compile(r'\S+\s+-?[01]')
"""A line of lists such as aeroplane_train.txt, which say of each image whether it has the class; they are no parts."""


def is_voc_folder(path: Path) -> bool:
    """Return whether it is a folder with ``Annotations/`` and ``JPEGImages/``."""
    return (path / 'Annotations').is_dir() and (path / 'JPEGImages').is_dir()


def read_voc(folder: Path, image_size: Callable[[Path], tuple[int, int]], part: str | None = None) -> dict[str, Any]:
    """Read a VOC folder, with the boxes on which mmdet's ``XMLDataset`` trains.

    Args:
        folder: Folder with ``Annotations/*.xml``, ``JPEGImages/`` and, if it is divided, lists ``ImageSets/Main/*.txt`` of the
            names of each part's images.
        image_size: Function that returns width and height of an image file in pixels, for images without ``<size>``.
        part: Name of a list in ``ImageSets/Main``, such as ``'train'``. None: the only one, or all if there are no lists.

    Returns:
        A dict with ``images``, ``annotations`` and ``categories``. The classes are those of all parts, sorted by name, so
        that all parts have the same. Difficult objects have ``iscrowd`` 1: mmdet does not train on them either.

    Raises:
        FileNotFoundError: If a listed label file or an image is missing.
        AnnotationError: If a label file cannot be read or a list repeats an image.
        ValueError: If there are several parts and none is chosen, or there is no such part.
    """
    parts = _parts(folder)
    chosen = choose_part(folder, list(parts), part)
    labels = {_name(path, folder / 'Annotations'): read_xml(path) for path in tqdm(
        sorted((folder / 'Annotations').rglob('*.xml')), desc='reading labels', unit='image', disable=None)}
    if not labels:
        raise AnnotationError(f'{folder / "Annotations"} has no XML files')
    images: dict[str, list[Path]] = {}
    for path in find_images(folder / 'JPEGImages'):
        images.setdefault(_name(path, folder / 'JPEGImages'), []).append(path)
    names = list(labels) if chosen is None else _listed(parts[chosen], labels)
    if chosen is None and (unlabeled := [name for name in images if name not in labels]):
        warnings.warn(f'{folder}: {len(unlabeled)} images have no label file and are left out, such as {unlabeled[0]}',
                      category=AnnotationWarning, stacklevel=2)
    classes = sorted({entry.name for file in labels.values() for entry in file.objects})
    return coco_content(_labeled(folder, names, images, labels, classes, image_size), classes)


def _labeled(folder: Path, names: list[str], images: dict[str, list[Path]], labels: dict[str, VocLabels],
             classes: list[str], image_size: Callable[[Path], tuple[int, int]]) -> Iterator[LabeledImage]:
    label_of = {name: label for label, name in enumerate(classes)}
    for name in names:
        image = _image(folder, name, images.get(name, []))
        width, height = labels[name].size or image_size(image)
        objects = []
        for entry in labels[name].objects:
            left, top, right, bottom = entry.corners
            objects.append(Label(label_of[entry.name], (left, top, right - left, bottom - top), None, entry.is_difficult))
        yield LabeledImage(image.relative_to(folder).as_posix(), width, height, objects)


def _image(folder: Path, name: str, found: list[Path]) -> Path:
    """Choose the image of a label file: the .jpg, which mmdet would take, or the only one."""
    if not found:
        raise FileNotFoundError(f'{folder / "Annotations" / name}.xml has no image {folder / "JPEGImages" / name}.jpg, nor '
                                'with another suffix; add the image or remove the label file')
    jpg = [path for path in found if path.suffix == '.jpg']
    if len(found) > 1 and not jpg:
        raise AnnotationError(f'{folder / "Annotations" / name}.xml has several images: {", ".join(map(str, found))}')
    return (jpg or found)[0]


def _parts(folder: Path) -> dict[str, Path]:
    parts = {}
    for path in sorted((folder / 'ImageSets' / 'Main').glob('*.txt')):
        lines = _lines(path)
        if lines and not OF_ONE_CLASS.fullmatch(lines[0]):
            parts[path.stem] = path
    return parts


def _listed(path: Path, labels: dict[str, VocLabels]) -> list[str]:
    """Read the names of a list, each of which must have a label file."""
    names = _lines(path)
    missing = next((name for name in names if name not in labels), None)
    if missing is not None:
        raise FileNotFoundError(f'{path} lists {missing}, but there is no Annotations/{missing}.xml')
    if len(set(names)) < len(names):
        repeated = next(name for index, name in enumerate(names) if name in names[:index])
        raise AnnotationError(f'{path} lists {repeated} twice; list it once')
    return names


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix('').as_posix()
