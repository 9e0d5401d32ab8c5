"""Search for faults in annotation files: fatal ones, and annotations that mmdet would drop silently."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.class_faults import class_faults
from imbdet.annotations.fault import Fault, first_ten
from imbdet.annotations.reader import AnnotationFile


def find_faults(content: AnnotationFile,
                columns: AnnotationArrays,
                classes: Sequence[str] | None = None,
                filter_cfg: dict | None = None,
                names: Sequence[str] | None = None) -> Iterator[Fault]:
    """Search an annotation file for faults that crash mmdet, corrupt training or make mmdet drop annotations silently.

    Args:
        content: Content of the file.
        columns: The same as arrays.
        classes: Class names of the data set's config. They must be in the file, in the order of the labels, which mmdet takes
            from the file and not from the config.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to check that images remain.
        names: Names of the categories in the order of the data set's labels. None: the file's order.

    Yields:
        The faults, fatal ones first.
    """
    yield from _missing_keys(content, columns)
    for kind, entries in (('image', content.images), ('annotation', content.annotations), ('category', content.categories)):
        yield from _repeated_ids(kind, (entry.id for entry in entries))  # type: ignore[attr-defined]
    yield from _not_finite(content, columns)
    if classes is not None:
        yield from class_faults(classes, names or [category.name for category in content.categories])
    if not kept_images(content, columns, classes, filter_cfg).any():
        yield Fault('no image left', 'image', [image.id for image in content.images],
                    'the file has no images; correct ann_file' if not content.images else
                    f'none of the {len(content.images)} images is left to train on: filter_cfg={filter_cfg or {}} and the '
                    'classes remove them all; change either')
    for reason, is_dropped in drop_reasons(columns):
        ids = _ids(content.annotations, is_dropped)
        if ids:
            yield Fault(f'annotations that {reason}', 'annotation', ids,
                        f'{len(ids)} of {len(content.annotations)} annotations {reason} and are dropped by mmdet '
                        f'(annotation ids {first_ten(ids)})', is_fatal=False)


def kept_images(content: AnnotationFile,
                columns: AnnotationArrays,
                classes: Sequence[str] | None = None,
                filter_cfg: dict | None = None) -> np.ndarray:
    """Find the images that mmdet's filter keeps. Without any, mmengine fails with "need at least one array to concatenate".

    Args:
        content: Content of the file.
        columns: The same as arrays.
        classes: Class names of the data set's config; None for all.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``; None for no filter.

    Returns:
        Whether each entry of ``images`` is kept, shape (I,), bool; of several with the same id only the last.
    """
    filter_cfg = filter_cfg or {}
    sides = np.nan_to_num(columns.image_sizes, nan=0.0).min(axis=1)
    kept = columns.is_listed & (sides >= filter_cfg.get('min_size', 0))
    if filter_cfg.get('filter_empty_gt', False):
        names = None if classes is None else set(classes)
        wanted = np.array([names is None or category.name in names for category in content.categories] + [False])
        in_classes = (columns.images >= 0) & wanted[columns.categories]  # category -1 takes the False at the end
        kept &= np.bincount(columns.images[in_classes], minlength=len(kept)) > 0
    return kept


def drop_reasons(columns: AnnotationArrays) -> Iterator[tuple[str, np.ndarray]]:
    """Find the annotations that mmdet's CocoDataset drops, each under the first reason that applies.

    Annotations without ``bbox`` or ``area``, on which mmdet fails, are under none.

    Args:
        columns: The annotations.

    Yields:
        A reason, as the end of a sentence, and whether each annotation is dropped for it, shape (B,), bool.
    """
    x, y, width, height = columns.boxes.T
    # An image without width or height is a separate fault; no box is outside of it.
    sizes = np.vstack([np.nan_to_num(columns.image_sizes, nan=np.inf), (np.inf, np.inf)])
    image_width, image_height = sizes[columns.images].T
    is_kept = is_complete(columns)
    # Of boxes that are not finite mmdet keeps those that extend to infinity, see _not_finite.
    is_nowhere = np.isnan(columns.boxes).any(axis=1) | np.isinf(x) | np.isinf(y)
    with np.errstate(invalid='ignore'):  # infinities
        is_outside = ((np.minimum(x + width, image_width) - np.maximum(x, 0) <= 0)
                      | (np.minimum(y + height, image_height) - np.maximum(y, 0) <= 0))
    for reason, is_dropped in (
        ('belong to an image that the file does not list', columns.images < 0),
        ('have a category that the file does not list', columns.categories < 0),
        ('have a NaN or infinite box', is_nowhere),
        ('are less than a pixel wide or high, or have no area', (width < 1) | (height < 1) | (columns.areas <= 0)),
        ('lie outside their image', is_outside),
    ):
        yield reason, is_kept & is_dropped
        is_kept &= ~is_dropped


def is_complete(columns: AnnotationArrays) -> np.ndarray:
    """Find the annotations that have a ``bbox`` of four numbers and an ``area``, shape (B,), bool."""
    return (columns.bbox_lengths == 4) & columns.has_area


def usable_boxes(columns: AnnotationArrays) -> np.ndarray:
    """Find the annotations without a fault of their own, shape (B,), bool; crowd boxes are included."""
    return _kept_by_mmdet(columns) & np.isfinite(columns.boxes).all(axis=1) & np.isfinite(columns.areas)


def _kept_by_mmdet(columns: AnnotationArrays) -> np.ndarray:
    kept = is_complete(columns)
    for _, is_dropped in drop_reasons(columns):
        kept &= ~is_dropped
    return kept


def _ids(entries: Sequence[Any], mask: np.ndarray) -> list[Any]:
    return [entries[position].id for position in np.flatnonzero(mask).tolist()]


def _missing_keys(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
    for key, sizes in zip(('width', 'height'), columns.image_sizes.T, strict=True):
        missing = _ids(content.images, ~((sizes > 0) & np.isfinite(sizes)))
        if missing:
            yield Fault(f'images without {key}', 'image', missing,
                        f'{len(missing)} images have no {key!r} (image ids {first_ten(missing)}), or one that is not a '
                        'positive number; add it to the file, in pixels: mmdet needs it')
    for key, is_missing, hint in (
        ('bbox', columns.bbox_lengths < 0, '[x, y, width, height]'),
        ('area', ~columns.has_area, 'without masks, bbox[2] * bbox[3]'),
    ):
        missing = _ids(content.annotations, is_missing)
        if missing:
            yield Fault(f'annotations without {key}', 'annotation', missing,
                        f'{len(missing)} annotations have no {key!r} (annotation ids {first_ten(missing)}). mmdet needs it; '
                        f'add it to the file: {hint}')
    odd = _ids(content.annotations, (columns.bbox_lengths >= 0) & (columns.bbox_lengths != 4))
    if odd:
        yield Fault('annotations whose bbox is not four numbers', 'annotation', odd,
                    f'{len(odd)} annotations have a bbox that is not four numbers [x, y, width, height] (annotation ids '
                    f'{first_ten(odd)}); correct or remove them')


def _not_finite(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
    """Find invalid boxes that mmdet keeps and that would make the loss NaN."""
    ids = _ids(content.annotations, _kept_by_mmdet(columns) & ~usable_boxes(columns))
    if ids:
        yield Fault('annotations of infinite size', 'annotation', ids,
                    f'{len(ids)} annotations have an infinite width or height, or an area that is NaN or infinite (annotation '
                    f'ids {first_ten(ids)}), and mmdet would train on them; correct or remove them')


def _repeated_ids(kind: str, ids: Iterable[Any]) -> Iterator[Fault]:
    repeated = [repeated_id for repeated_id, count in Counter(ids).items() if count > 1]
    if repeated:
        yield Fault(f'duplicate {kind} ids', kind, repeated,
                    f'{len(repeated)} {kind} ids are not unique ({first_ten(repeated)}), and mmdet keeps only one entry of '
                    f'each; give every {kind} its own id')
