"""Faults of images: files that cannot be read, and files of another size than their annotations."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine import fileio
from PIL import Image

from imbdet.data.data_infos import data_infos
from imbdet.data.image_header import orientation
from imbdet.data.image_reader import ImageReader, pipeline_reader
from imbdet.data.wrappers import inner_datasets

Size = tuple[int, int]
SAMPLED = 20
"""Number of images of a data set whose sizes every training compares."""


class ListedImage(NamedTuple):
    """An image that a data set lists.

    Attributes:
        path: The file.
        size: Width and height in the annotations; None if they have none.
        reader: How the pipeline of the data set reads it.
    """

    path: str
    size: Size | None
    reader: ImageReader


def listed_images(dataset: Any) -> list[ListedImage]:
    """List the images of a data set or wrapper, each once, in the order of their paths.

    Args:
        dataset: Anything whose inner data sets have mmdet's ``get_data_info``. Both images of a pair are listed.

    Returns:
        The images.

    Raises:
        TypeError: If a data set cannot list its images.
    """
    images = {image.path: image for inner in inner_datasets(dataset) for info in data_infos(inner)
              for image in _of_record(info, pipeline_reader(inner))}
    return [images[path] for path in sorted(images)]


def sampled_images(dataset: Any, number: int = SAMPLED) -> list[ListedImage]:
    """List some images of each inner data set, evenly spaced, without going through all of them.

    Args:
        dataset: A data set or wrapper; inner data sets without ``get_data_info`` are left out.
        number: How many records of each to read at most.

    Returns:
        The images that are local files.
    """
    images = []
    for inner in inner_datasets(dataset):
        if not hasattr(inner, 'get_data_info') or not len(inner):
            continue
        reader = pipeline_reader(inner)
        for index in np.unique(np.linspace(0, len(inner) - 1, number, dtype=int)).tolist():
            images += [image for image in _of_record(inner.get_data_info(index), reader) if Path(image.path).is_file()]
    return images


def _of_record(info: dict, reader: ImageReader) -> Iterator[ListedImage]:
    """Yield the image of mmdet's record, or both of a pair."""
    size = (info['width'], info['height']) if info.get('width') and info.get('height') else None
    for key in ('img_path', 'ir_path'):
        if key in info:
            yield ListedImage(str(info[key]), size, reader)


def unreadable(image: ListedImage) -> str | None:
    """Read an image and return the error, if any.

    Args:
        image: The image.

    Returns:
        The error of the reader or the storage, or Pillow's if the file is truncated: older versions of OpenCV fill up what
        is missing. None for an image that the pipeline reads.
    """
    return _read(image)[0]


def _read(image: ListedImage) -> tuple[str | None, Size | None]:
    """Return the error, or else the size of the pixels."""
    try:
        content = fileio.get(image.path, backend_args=image.reader.backend_args)
        height, width = image.reader.decode(content, image.path).shape[:2]
        return _truncated(image, content), (width, height)
    except Exception as error:  # storages raise arbitrary errors
        return _text(image, error), None


def _truncated(image: ListedImage, content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft('L', (1, 1))  # JPEG files are still read to the end, but decoded at an eighth of the size
            opened.load()
    except OSError as error:
        if 'truncated' in str(error):
            return _text(image, error)
    except Exception:  # Pillow may refuse what the pipeline reads, such as very large images
        return None
    return None


def other_size(image: ListedImage) -> str | None:
    """Compare the size of an image with its annotations.

    Args:
        image: A readable image.

    Returns:
        What differs; None if nothing does, or the annotations have no size.

    Raises:
        OSError: If the file is missing.
        ValueError: If it cannot be read.
    """
    if image.size is None:
        return None
    return _difference(image, image.reader.size(image.path))


def _difference(image: ListedImage, size: Size | None) -> str | None:
    if image.size is None or size is None:
        return None
    stated = tuple(int(np.rint(side)) for side in image.size)
    if size == stated:
        return None
    text = f'{size[0]} x {size[1]}, in the annotations {stated[0]} x {stated[1]}'
    exif = orientation(image.path) if size == stated[::-1] and Path(image.path).is_file() else 1
    return text + (f': turned by EXIF orientation {exif}' if exif != 1 else '')


def size_warning(dataset: Any) -> str | None:
    """Compare the sizes of a few images with their annotations.

    Args:
        dataset: A data set or wrapper.

    Returns:
        What to say if any differs; None otherwise.
    """
    images = sampled_images(dataset)
    different = []
    for image in images:
        try:
            difference = other_size(image)
        except (OSError, ValueError):  # it will be named when it is loaded
            continue
        if difference is not None:
            different.append(f'{image.path} is {difference}')
    if not different:
        return None
    return (f'{len(different)} of {len(images)} images that were looked at have another size than their annotations (first: '
            f'{different[0]}), so that the boxes lie elsewhere in them. CheckImagesHook in custom_hooks looks at all images; '
            "'imbdet fix ANN --images FOLDER --out NEW' corrects the annotations")


def faults_of(image: ListedImage) -> Iterator[tuple[str, str]]:
    """Yield the faults of an image: ``'unreadable'`` or ``'other size'``, and the path with the reason.

    Args:
        image: The image.
    """
    reason, size = _read(image)
    if reason is not None:
        yield 'unreadable', f'{image.path} ({reason})'
        return
    difference = _difference(image, size)
    if difference is not None:
        yield 'other size', f'{image.path} ({difference})'


def _text(image: ListedImage, error: Exception) -> str:
    reason = f'{type(error).__name__}: {error}'.replace(f': {image.path!r}', '')
    return reason.replace(f'{image.path} ', '')
