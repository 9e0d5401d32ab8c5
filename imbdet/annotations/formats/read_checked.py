"""Reading for commands that need a set without fatal faults."""

from pathlib import Path
from typing import Any

import msgspec

from imbdet.annotations.class_faults import class_faults
from imbdet.annotations.file_checks import FaultReport, check_content, raise_fatal
from imbdet.annotations.formats.read_any import ImageSize, read_any
from imbdet.annotations.lenient import as_mmdet_takes
from imbdet.annotations.reader import AnnotationError, AnnotationFile


def read_checked(path: str | Path,
                 image_size: ImageSize,
                 part: str | None = None) -> tuple[dict[str, Any], AnnotationFile, FaultReport]:
    """Read an annotation file, a YOLO data set or a VOC folder, and check it.

    Args:
        path: As for :func:`~imbdet.annotations.formats.read_any`, like the other arguments.
        image_size: Function that returns width and height of an image file in pixels.
        part: Part of a YOLO data set or VOC folder. None: the only one.

    Returns:
        The whole content, the same without polygons and with types, and the annotations that mmdet would drop.

    Raises:
        FileNotFoundError: If there is no such file or folder, or an image is missing.
        AnnotationError: If it cannot be read or has a fatal fault.
        ValueError: If there are several parts and none is chosen, or there is no such part.
    """
    path = Path(path)
    content = read_any(path, image_size, part)
    # Copies of the entries, because their values are changed to those that mmdet takes.
    copied = {key: [dict(entry) for entry in content[key]] for key in ('images', 'annotations', 'categories')}
    try:
        typed = msgspec.convert(as_mmdet_takes(copied), type=AnnotationFile)
        report = check_content(path, typed)
        names = [category.name for category in typed.categories]
        raise_fatal(path, class_faults(names, names))
        return content, typed, report
    except msgspec.ValidationError as error:
        raise AnnotationError(f'{path}: {error}; run imbdet fix {path}') from error
    except AnnotationError as error:
        raise AnnotationError(f'{error}; or run imbdet fix {path}') from error
