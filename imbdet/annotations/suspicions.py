"""What is allowed in an annotation file, but is most likely a mistake."""

import posixpath
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from imbdet.annotations.annotation_arrays import AnnotationArrays
from imbdet.annotations.corner_boxes import share_that_leaves
from imbdet.annotations.fault import first_ten
from imbdet.annotations.faults import usable_boxes
from imbdet.annotations.reader import AnnotationFile


def find_suspicions(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[str]:
    """Search an annotation file for what mmdet accepts and trains or evaluates wrongly.

    Args:
        content: Content of the file.
        columns: The same as arrays.

    Yields:
        A sentence for each kind: one image file under several ids, objects that are listed twice, boxes that look like corners.
    """
    yield from _repeated_files(content)
    yield from _repeated_objects(content, columns)
    yield from _corners(columns)


def _repeated_files(content: AnnotationFile) -> Iterator[str]:
    by_file = defaultdict(list)
    for image in content.images:
        if image.file_name:
            by_file[posixpath.normpath(image.file_name)].append(image.id)
    repeated = {name: ids for name, ids in by_file.items() if len(set(ids)) > 1}
    if repeated:
        name, ids = next(iter(repeated.items()))
        yield (f'{len(repeated)} image files are listed under several ids (first: {name}, ids {first_ten(ids)}). Each entry '
               "has only its own boxes, so that the objects of the others count as background; 'imbdet fix' merges them")


def _repeated_objects(content: AnnotationFile, columns: AnnotationArrays) -> Iterator[str]:
    """Find annotations with the image, category and box of another."""
    positions = np.flatnonzero(usable_boxes(columns) & ~columns.is_ignored)
    keys = np.column_stack([columns.images[positions], columns.categories[positions], columns.boxes[positions]])
    order = np.lexsort(keys.T)
    is_repeated = np.zeros(len(positions), dtype=bool)
    is_repeated[order[1:]] = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    ids = [content.annotations[position].id for position in positions[is_repeated].tolist()]
    if ids:
        yield (f'{len(ids)} annotations have the image, category and box of another one (annotation ids {first_ten(ids)}). An '
               "object that is listed twice can be found only once; 'imbdet fix' removes exact copies")


def _corners(columns: AnnotationArrays) -> Iterator[str]:
    known = (columns.images >= 0) & np.isfinite(columns.boxes).all(axis=1)
    boxes, sizes = columns.boxes[known], columns.image_sizes[columns.images[known]]
    is_sized = np.isfinite(sizes).all(axis=1)
    share = share_that_leaves(boxes[is_sized], sizes[is_sized])
    if share is not None:
        yield (f'{share:.0%} of the boxes leave their images as x, y, width, height, and none does as x1, y1, x2, y2; if '
               "they are corners, 'imbdet fix --boxes xyxy' converts them")
