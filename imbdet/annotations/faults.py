"""Faults of annotation files: those that end a run, and those that mmdet would drop silently."""

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbdet.annotations.reader import Annotation, AnnotationError, AnnotationFile, Image, load_annotations


@dataclass
class FaultReport:
    """What mmdet leaves out of a file without a word.

    Attributes:
        path: The annotation file.
        num_boxes: Annotations in the file.
        dropped: For each reason the ids of the annotations that mmdet drops for it.
    """

    path: Path
    num_boxes: int
    dropped: dict[str, list[Any]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return a sentence for each reason, empty if nothing is dropped."""
        return [f'{self.path}: {len(ids)} of {self.num_boxes} annotations {reason} and are dropped by mmdet (annotation '
                f'ids {_some(ids)})' for reason, ids in self.dropped.items()]


def check_annotations(path: str | Path,
                      classes: Sequence[str] | None = None,
                      filter_cfg: dict | None = None) -> FaultReport:
    """Look through an annotation file for what mmdet trips over or drops silently.

    Args:
        path: A COCO or LVIS annotation file.
        classes: Names that the data set is configured with. They must stand in the file, in the file's order, because
            mmdet's labels follow the file and not the config.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to see whether an image is left.

    Returns:
        The annotations that mmdet leaves out.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If a key that mmdet needs is missing, an id stands twice, a class is unknown or out of order, or
            the filter leaves no image.
    """
    return check_content(Path(path), load_annotations(path), classes, filter_cfg)


def check_content(path: Path,
                  content: AnnotationFile,
                  classes: Sequence[str] | None = None,
                  filter_cfg: dict | None = None) -> FaultReport:
    """Do the same for a file that has been read already.

    Args:
        path: The annotation file, for messages.
        content: What it holds.
        classes: As for :func:`check_annotations`.
        filter_cfg: As for :func:`check_annotations`.

    Returns:
        The annotations that mmdet leaves out.

    Raises:
        AnnotationError: As for :func:`check_annotations`.
    """
    _check_keys(path, content)
    _check_unique(path, 'image', (image.id for image in content.images))
    _check_unique(path, 'annotation', (box.id for box in content.annotations))
    _check_unique(path, 'category', (category.id for category in content.categories))
    if classes is not None:
        check_class_names(path, classes, [category.name for category in content.categories])
    wanted = {category.id for category in content.categories if classes is None or category.name in classes}
    _check_filter(path, content, wanted, filter_cfg or {})
    return FaultReport(path, len(content.annotations), _dropped(content))


def check_class_names(path: str | Path, classes: Sequence[str], names: Sequence[str]) -> None:
    """Raise AnnotationError unless ``classes`` are among ``names`` and in their order.

    Args:
        path: The annotation file, for the message.
        classes: Names of the config.
        names: Names of the file's categories, in its order.
    """
    for name in classes:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f'did you mean {near[0]!r}?' if near else f'it has {_some(names)}'
            raise AnnotationError(f'{path}: class {name!r} of the config is not a category of the file; {hint} mmdet '
                                  'would leave it out and shift the labels of the classes after it')
    in_file_order = [name for name in names if name in set(classes)]
    if list(classes) != in_file_order:
        raise AnnotationError(f'{path}: the classes of the config are in another order than the categories of the file, '
                              'which mmdet takes its labels from, so names and labels would not belong together. Write '
                              f'classes={tuple(in_file_order)}')


def _some(ids: Sequence[Any]) -> str:
    """Write out the first ten."""
    return ', '.join(map(str, ids[:10])) + (', ...' if len(ids) > 10 else '')


def _check_keys(path: Path, content: AnnotationFile) -> None:
    for key in ('width', 'height'):
        lacking = [image.id for image in content.images if getattr(image, key) is None]
        if lacking:
            raise AnnotationError(f'{path}: {len(lacking)} images have no {key!r} (image ids {_some(lacking)}); mmdet '
                                  'needs it, add it to the file')
    for key in ('bbox', 'area'):
        lacking = [box.id for box in content.annotations if getattr(box, key) is None]
        if lacking:
            hint = 'bbox[2] * bbox[3] will do where there are no masks' if key == 'area' else '[x, y, width, height]'
            raise AnnotationError(f'{path}: {len(lacking)} annotations have no {key!r} (annotation ids '
                                  f'{_some(lacking)}); mmdet needs it, add it to the file: {hint}')
    odd = [box.id for box in content.annotations if len(box.bbox or ()) != 4]
    if odd:
        raise AnnotationError(f'{path}: {len(odd)} annotations have a bbox that is not four numbers [x, y, width, '
                              f'height] (annotation ids {_some(odd)})')


def _check_unique(path: Path, kind: str, ids: Iterable[Any]) -> None:
    repeated = [repeated_id for repeated_id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise AnnotationError(f'{path}: {len(repeated)} {kind} ids stand more than once ({_some(repeated)}); give each '
                              f'{kind} an id of its own, mmdet keeps only one of them')


def _check_filter(path: Path, content: AnnotationFile, wanted: set[int], filter_cfg: dict) -> None:
    """Raise if mmdet's filter leaves no image, which mmengine reports as "need at least one array to concatenate"."""
    kept: Iterable[Image] = content.images
    if filter_cfg.get('filter_empty_gt', False):
        with_box = {box.image_id for box in content.annotations if box.category_id in wanted}
        kept = (image for image in kept if image.id in with_box)
    min_size = filter_cfg.get('min_size', 0)
    if not any(min(image.width or 0, image.height or 0) >= min_size for image in kept):
        raise AnnotationError(f'{path}: no image of {len(content.images)} is left to train on; filter_cfg={filter_cfg} '
                              'and the classes remove them all')


def _dropped(content: AnnotationFile) -> dict[str, list[Any]]:
    images = {image.id: image for image in content.images}
    categories = {category.id for category in content.categories}
    dropped: dict[str, list[Any]] = {}
    for box in content.annotations:
        reason = _drop_reason(box, images.get(box.image_id), categories)
        if reason:
            dropped.setdefault(reason, []).append(box.id)
    return dropped


def _drop_reason(box: Annotation, image: Image | None, categories: set[int]) -> str | None:
    """Return why mmdet's CocoDataset leaves a box out, or None."""
    x, y, width, height = box.bbox or (0.0, ) * 4
    if image is None:
        return 'belong to an image that the file does not list'
    if box.category_id not in categories:
        return 'have a category that the file does not list'
    if not all(map(math.isfinite, (x, y, width, height, box.area or 0))):
        return 'have a NaN or infinite box or area'
    if width < 1 or height < 1 or (box.area or 0) <= 0:
        return 'are less than a pixel wide or high, or have no area'
    if x >= (image.width or 0) or y >= (image.height or 0) or x + width <= 0 or y + height <= 0:
        return 'lie outside their image'
    return None
