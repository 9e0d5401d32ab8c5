"""One reader for all formats: COCO and LVIS files, YOLO data sets, VOC folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from imbdet.annotations.content import read_content
from imbdet.annotations.formats.voc import is_voc_folder, read_voc
from imbdet.annotations.formats.yolo import read_yolo
from imbdet.annotations.formats.yolo_dataset import find_yolo_dataset

ImageSize = Callable[[Path], tuple[int, int]]


def read_any(path: str | Path, image_size: ImageSize, part: str | None = None) -> dict[str, Any]:
    """Read an annotation file, a YOLO data set or a VOC folder.

    Args:
        path: One of

            - a JSON file in COCO or LVIS format, see :func:`~imbdet.annotations.content.read_content`;
            - a YOLO data set: its ``data.yaml``, the folder that holds it, or a folder with ``images/``, ``labels/`` and
              ``classes.txt``, see :func:`~imbdet.annotations.formats.yolo.read_yolo`;
            - a VOC folder with ``Annotations/`` and ``JPEGImages/``, see :func:`~imbdet.annotations.formats.voc.read_voc`.
        image_size: Function that returns width and height of an image file in pixels. It is called for every image of a
            YOLO data set, and for the images of a VOC folder whose ``<size>`` is missing or zero.
        part: Part of a YOLO data set or VOC folder, such as ``'train'``. None: the only one.

    Returns:
        A dict with the lists ``images``, ``annotations`` and ``categories``, in COCO's format. Of other formats ids count
        from 1, in the order of the images and of the classes, and ``file_name`` is relative to :func:`data_root`.

    Raises:
        FileNotFoundError: If there is no such file or folder, or an image is missing.
        AnnotationError: If it cannot be read; the message names the file and, where there is one, the line.
        ValueError: If there are several parts and none is chosen, or there is no such part.
    """
    path = Path(path)
    if is_voc_folder(path):
        return read_voc(path, image_size, part)
    if _is_yolo(path):
        return read_yolo(find_yolo_dataset(path), image_size, part)
    if part is not None:
        raise ValueError(f'{path} has no parts; leave --part out, which is for YOLO data sets and VOC folders')
    return read_content(path)


def data_root(path: str | Path) -> Path | None:
    """Return the folder that the file names of :func:`read_any` are relative to.

    Args:
        path: As for :func:`read_any`.

    Returns:
        The folder; None for an annotation file, which does not say where its images are.

    Raises:
        FileNotFoundError: If there is no such folder.
        AnnotationError: If it is not a data set in these formats.
    """
    path = Path(path)
    if is_voc_folder(path):
        return path
    return find_yolo_dataset(path).root if _is_yolo(path) else None


def _is_yolo(path: Path) -> bool:
    return path.suffix.lower() in ('.yaml', '.yml') or path.is_dir()
