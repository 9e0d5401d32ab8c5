"""Faults of annotation files: those that end a run, and those that mmdet would drop silently."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.reader import AnnotationFile


class Fault(NamedTuple):
    """One kind of fault, with everything in the file that has it.

    Attributes:
        kind: What is wrong, in a few words.
        of: What ``ids`` are of: ``'image'``, ``'annotation'``, ``'category'``, or ``'class'`` for names of classes.
        ids: All that have the fault, in the file's order.
        message: What is wrong, what follows from it and, if it ends a run, what to do; the first ten ids.
        is_fatal: Whether a run cannot start from such a file. Annotations with other faults are dropped by mmdet without a
            word.
    """

    kind: str
    of: str
    ids: list[Any]
    message: str
    is_fatal: bool = True


def find_faults(content: AnnotationFile,
                columns: AnnotationArrays,
                classes: Sequence[str] | None = None,
                filter_cfg: dict | None = None) -> Iterator[Fault]:
    """Look through an annotation file for what mmdet trips over or drops silently.

    Args:
        content: What the file holds.
        columns: The same as arrays.
        classes: Names that the data set is configured with. They must stand in the file, in the file's order, because
            mmdet's labels follow the file and not the config.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to see whether an image is left.

    Yields:
        The faults, those that end a run first.
    """
    yield from _lacking_keys(content, columns)
    for kind, entries in (('image', content.images), ('annotation', content.annotations), ('category', content.categories)):
        yield from _repeated_ids(kind, (entry.id for entry in entries))  # type: ignore[attr-defined]
    yield from _not_finite(content, columns)
    if classes is not None:
        yield from class_faults(classes, [category.name for category in content.categories])
    if not kept_images(content, columns, classes, filter_cfg).any():
        yield Fault('no image left', 'image', [image.id for image in content.images],
                    f'no image of {len(content.images)} is left to train on; filter_cfg={filter_cfg or {}} and the classes '
                    'remove them all')
    for reason, is_dropped in drop_reasons(columns):
        ids = _ids(content.annotations, is_dropped)
        if ids:
            yield Fault(f'annotations that {reason}', 'annotation', ids,
                        f'{len(ids)} of {len(content.annotations)} annotations {reason} and are dropped by mmdet '
                        f'(annotation ids {some(ids)})', is_fatal=False)


def class_faults(classes: Sequence[str], names: Sequence[str]) -> Iterator[Fault]:
    """Find classes of a config that a file does not have, or has in another order.

    Args:
        classes: Names of the config.
        names: Names of the file's categories, in its order.

    Yields:
        The faults.
    """
    if isinstance(classes, str):
        yield Fault('classes that are text', 'class', [classes],
                    f'the classes of the config are the text {classes!r}, whose letters would be the classes; write '
                    f'classes=({classes!r}, )')
        return
    twice = [name for name, count in Counter(names).items() if count > 1 and name in set(classes)]
    if twice:
        yield Fault('categories of one name', 'class', twice,
                    f'{len(twice)} names stand for several categories of the file ({some(twice)}), of which mmdet makes '
                    'labels each, so that names and labels would not belong together; give each category a name of its own')
        return
    unknown = [name for name in classes if name not in set(names)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f'did you mean {near[0]!r}?' if near else f'it has {some(names)}'
        yield Fault('classes that are not in the file', 'class', unknown,
                    f'class {unknown[0]!r} of the config is not a category of the file; {hint} mmdet would leave it out and '
                    'shift the labels of the classes after it')
    known = [name for name in classes if name not in set(unknown)]
    in_file_order = [name for name in names if name in set(known)]
    if known != in_file_order:
        yield Fault('classes in another order than in the file', 'class', known,
                    'the classes of the config are in another order than the categories of the file, which mmdet takes '
                    'its labels from, so names and labels would not belong together. Write '
                    f'classes={tuple(in_file_order)}')


def kept_images(content: AnnotationFile,
                columns: AnnotationArrays,
                classes: Sequence[str] | None = None,
                filter_cfg: dict | None = None) -> np.ndarray:
    """Tell which images mmdet's filter leaves; if none, mmengine says "need at least one array to concatenate".

    Args:
        content: What the file holds.
        columns: The same as arrays.
        classes: Names that the data set is configured with; None for all.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``; None for no filter.

    Returns:
        Whether each entry of ``images`` is left, shape (I,), bool; of several with one id the last.
    """
    filter_cfg = filter_cfg or {}
    sides = np.nan_to_num(columns.image_sizes, nan=0.0).min(axis=1)
    kept = columns.is_listed & (sides >= filter_cfg.get('min_size', 0))
    if filter_cfg.get('filter_empty_gt', False):
        names = None if classes is None else set(classes)
        wanted = np.array([names is None or category.name in names for category in content.categories] + [False])
        is_held = (columns.images >= 0) & wanted[columns.categories]  # category -1 takes the False at the end
        kept &= np.bincount(columns.images[is_held], minlength=len(kept)) > 0
    return kept


def drop_reasons(columns: AnnotationArrays) -> Iterator[tuple[str, np.ndarray]]:
    """Find the annotations that mmdet's CocoDataset leaves out, each under its first reason.

    Annotations without ``bbox`` or ``area``, at which mmdet fails, are under none.

    Args:
        columns: The annotations.

    Yields:
        A reason, as the end of a sentence, and whether each annotation is left out for it, shape (B,), bool.
    """
    x, y, width, height = columns.boxes.T
    # An image without width or height is a fault of its own; no box is outside of it.
    sizes = np.vstack([np.nan_to_num(columns.image_sizes, nan=np.inf), (np.inf, np.inf)])
    image_width, image_height = sizes[columns.images].T
    is_left = is_complete(columns)
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
        yield reason, is_left & is_dropped
        is_left &= ~is_dropped


def is_complete(columns: AnnotationArrays) -> np.ndarray:
    """Tell which annotations have a ``bbox`` of four numbers and an ``area``, shape (B,), bool."""
    return (columns.bbox_lengths == 4) & columns.has_area


def usable_boxes(columns: AnnotationArrays) -> np.ndarray:
    """Tell which annotations have no fault of their own, shape (B,), bool; crowd boxes are among them."""
    return _left_by_mmdet(columns) & np.isfinite(columns.boxes).all(axis=1) & np.isfinite(columns.areas)


def _left_by_mmdet(columns: AnnotationArrays) -> np.ndarray:
    left = is_complete(columns)
    for _, is_dropped in drop_reasons(columns):
        left &= ~is_dropped
    return left


def some(ids: Sequence[Any]) -> str:
    """Write out the first ten."""
    return ', '.join(map(str, ids[:10])) + (', ...' if len(ids) > 10 else '')


def _ids(entries: Sequence[Any], mask: np.ndarray) -> list[Any]:
    return [entries[position].id for position in np.flatnonzero(mask).tolist()]


def _lacking_keys(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
    for key, sizes in zip(('width', 'height'), columns.image_sizes.T, strict=True):
        lacking = _ids(content.images, ~((sizes > 0) & np.isfinite(sizes)))
        if lacking:
            yield Fault(f'images without {key}', 'image', lacking,
                        f'{len(lacking)} images have no {key!r} (image ids {some(lacking)}), or none that can be: mmdet '
                        'needs it in pixels, add it to the file')
    for key, is_lacking, hint in (
        ('bbox', columns.bbox_lengths < 0, '[x, y, width, height]'),
        ('area', ~columns.has_area, 'bbox[2] * bbox[3] will do where there are no masks'),
    ):
        lacking = _ids(content.annotations, is_lacking)
        if lacking:
            yield Fault(f'annotations without {key}', 'annotation', lacking,
                        f'{len(lacking)} annotations have no {key!r} (annotation ids {some(lacking)}); mmdet needs it, add '
                        f'it to the file: {hint}')
    odd = _ids(content.annotations, (columns.bbox_lengths >= 0) & (columns.bbox_lengths != 4))
    if odd:
        yield Fault('annotations whose bbox is not four numbers', 'annotation', odd,
                    f'{len(odd)} annotations have a bbox that is not four numbers [x, y, width, height] (annotation ids '
                    f'{some(odd)})')


def _not_finite(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[Fault]:
    """Find boxes that mmdet keeps although they are no boxes, and that would make the loss NaN."""
    ids = _ids(content.annotations, _left_by_mmdet(columns) & ~usable_boxes(columns))
    if ids:
        yield Fault('annotations of infinite size', 'annotation', ids,
                    f'{len(ids)} annotations have an infinite width or height, or an area that is NaN or infinite (annotation '
                    f'ids {some(ids)}), and mmdet would train on them; mend them or take them out of the file')


def _repeated_ids(kind: str, ids: Iterable[Any]) -> Iterator[Fault]:
    repeated = [repeated_id for repeated_id, count in Counter(ids).items() if count > 1]
    if repeated:
        yield Fault(f'{kind} ids that stand more than once', kind, repeated,
                    f'{len(repeated)} {kind} ids stand more than once ({some(repeated)}); give each {kind} an id of its '
                    'own, mmdet keeps only one of them')
