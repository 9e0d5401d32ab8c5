"""Checks of the masks of annotation files, before anything rasterizes them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from imbdet.annotations.fault import Fault, first_ten
from imbdet.annotations.file_checks import raise_fatal
from imbdet.annotations.lenient import as_mmdet_takes
from imbdet.annotations.masks import TOO_SHORT, mask_fault
from imbdet.annotations.reader import AnnotationError


class _Image(msgspec.Struct, gc=False):
    id: Any
    width: float | None = None
    height: float | None = None


class _Mask(msgspec.Struct, gc=False):
    id: Any
    image_id: Any
    category_id: Any = None
    segmentation: msgspec.Raw = msgspec.Raw(b'null')  # decoded one by one: together they would need gigabytes


class _MaskFile(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Mask] = msgspec.field(default_factory=list)


def find_mask_faults(masks: Iterable[tuple[Any, Any, Any]],
                     sizes: Mapping[Any, tuple[float, float]],
                     is_training: bool = False) -> Iterator[Fault]:
    """Search annotations for masks that libraries cannot use, or do not agree on.

    Args:
        masks: Annotation id, image id and ``segmentation`` of each annotation.
        sizes: Width and height of each image, by id; annotations of other images are dropped by mmdet and not looked at.
        is_training: Whether the masks are trained on: mmdet ignores objects whose polygons all have fewer than three points,
            as it does crowds. An evaluation needs all masks.

    Yields:
        The faults, one for each kind.
    """
    found = defaultdict(list)
    number = 0
    for annotation, image, segmentation in masks:
        number += 1
        reason = mask_fault(segmentation, *sizes[image]) if image in sizes else None
        if reason is not None:
            found[reason].append(annotation)
    for reason, ids in sorted(found.items(), key=lambda item: item[0] == TOO_SHORT):
        is_fatal = not is_training or reason != TOO_SHORT
        advice = "correct them by 'imbdet fix ANN --out NEW'; with --masks box, boxes become the missing masks" if is_fatal \
            else 'mmdet ignores them, like crowds'
        yield Fault(f'annotations that {reason}', 'annotation', ids,
                    f'{len(ids)} of {number} annotations {reason} (annotation ids {first_ten(ids)}); {advice}', is_fatal)


def check_masks(path: str | Path, is_training: bool = False, categories: Collection[int] | None = None) -> list[Fault]:
    """Check the masks of an annotation file.

    Args:
        path: A COCO or LVIS annotation file.
        is_training: See :func:`find_mask_faults`.
        categories: Ids of the categories whose annotations count. None: all.

    Returns:
        Faults with which a training can start.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If a mask cannot be used; with the annotation ids.
    """
    images, masks = _load(Path(path))
    sizes = {image: (width, height) for image, width, height in images if width and height}
    counted = (mask[:3] for mask in masks if categories is None or mask[3] in categories)
    return raise_fatal(path, find_mask_faults(counted, sizes, is_training))


def _load(path: Path) -> tuple[Iterable[tuple], Iterable[tuple]]:
    """Read id, width and height of the images, and id, image id, ``segmentation`` and category of the annotations."""
    text = path.read_bytes()
    try:
        file = msgspec.json.decode(text, type=_MaskFile)
        return (((image.id, image.width, image.height) for image in file.images),
                ((mask.id, mask.image_id, msgspec.json.decode(mask.segmentation), mask.category_id)
                 for mask in file.annotations))
    except (msgspec.DecodeError, RecursionError):  # such as NaN, which Python's parser accepts
        pass
    try:
        content = as_mmdet_takes(json.loads(text))
        return ([(image['id'], image.get('width'), image.get('height')) for image in content['images']],
                [(mask['id'], mask['image_id'], mask.get('segmentation'), mask.get('category_id'))
                 for mask in content.get('annotations', ())])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AnnotationError(f'{path}: {type(error).__name__}: {error}') from error
