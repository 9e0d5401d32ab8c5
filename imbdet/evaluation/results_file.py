"""Reader of COCO results files, such as those that a metric's ``outfile_prefix`` writes, with checks."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypedDict

import msgspec
import numpy as np

from imbdet.annotations import AnnotationFile
from imbdet.evaluation.detections import Detections

NEARLY_ALL = 0.9
"""Share of images with detections below which results may be of a part of the images."""
MIN_COPIED = 3
"""More detections than this are not all equal to others by chance."""


class ResultsError(ValueError):
    """A results file that cannot be evaluated."""


class RunLengths(TypedDict):
    """A mask as pycocotools encodes it: height and width, and compressed run lengths as text."""

    size: Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]
    counts: str


class Result(msgspec.Struct, gc=False):
    """A detection of a results file; ``bbox`` is x, y, width and height in pixels, ``score`` in [0, 1].

    The last two are added by :class:`~imbdet.evaluation.saved_predictions.DumpPredictions` if a detector scores masks
    separately or uses two cameras.
    """

    image_id: int | str
    category_id: int
    score: float
    bbox: tuple[float, float, float, float] | None = None
    segmentation: RunLengths | None = None
    mask_score: float | None = None
    modality: str | None = None


def load_results(path: str | Path) -> list[Result]:
    """Read a COCO results file.

    Args:
        path: A JSON file with a list of dicts of ``image_id``, ``category_id``, ``score``, and ``bbox`` [x, y, width, height]
            or ``segmentation`` as compressed run lengths, or both.

    Returns:
        The detections in the file's order. :func:`to_detections` checks their ids and values.

    Raises:
        FileNotFoundError: If there is no such file.
        ResultsError: If it is not JSON, not a list, a key is missing, or a value has the wrong type.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'results file not found: {path}')
    content = path.read_bytes()
    try:
        try:
            return msgspec.json.decode(content, type=list[Result])
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:  # Python's parser accepts the NaN that JSON forbids; to_detections will name it
            return msgspec.convert(json.loads(content), type=list[Result])
    except ValueError as error:
        raise ResultsError(f'{path}: {error}; a COCO results file is a list of dicts with image_id, category_id, score, and '
                           'bbox or segmentation') from error


def to_detections(path: str | Path, results: Sequence[Result], annotations: AnnotationFile, kind: str) -> Detections:
    """Check results against an annotation file and convert them to arrays.

    Args:
        path: The results file, for messages.
        results: Its n detections.
        annotations: Annotation file of the evaluated images.
        kind: ``'bbox'`` for boxes; any other value for masks.

    Returns:
        The detections with boxes or with masks.

    Raises:
        ResultsError: If an image or category is not in the annotation file, a score is not in [0, 1], the box or mask is
            missing, or a box is not finite or has a negative width or height.
    """
    check_values(path, results)
    scores = np.array([result.score for result in results], dtype=np.float64)
    images = {image.id for image in annotations.images}
    _refuse(path, results, [result.image_id not in images for result in results],
            'are in images that are not in the annotation file; evaluate against the annotations of the tested images')
    categories = {category.id for category in annotations.categories}
    _refuse(path, results, [result.category_id not in categories for result in results],
            'have a category that is not in the annotation file; evaluate against annotations with the same categories')
    found = Detections(np.array([result.image_id for result in results], dtype=None if results else np.int64),
                       np.array([result.category_id for result in results], dtype=np.int64), scores)
    key = 'bbox' if kind == 'bbox' else 'segmentation'
    _refuse(path, results, [getattr(result, key) is None for result in results], f"have no {key!r}, which {kind!r} needs")
    if kind != 'bbox':
        return found._replace(masks=[dict(result.segmentation or {}) for result in results])
    return found._replace(boxes=np.array([result.bbox for result in results], dtype=np.float64).reshape(-1, 4))


def check_values(path: str | Path, results: Sequence[Result]) -> None:
    """Check the scores and boxes of detections, and that they are not listed repeatedly.

    Args:
        path: The results file, for messages.
        results: Its n detections.

    Raises:
        ResultsError: If a score is not in [0, 1], a box is not finite or has a negative width or height, or each detection is
            listed twice or more often.
    """
    scores = np.array([result.score for result in results], dtype=np.float64)
    _refuse(path, results, ~((scores >= 0) & (scores <= 1)), 'have a score outside [0, 1]')
    boxes = np.array([result.bbox or (0, 0, 0, 0) for result in results], dtype=np.float64).reshape(-1, 4)
    _refuse(path, results, ~np.logical_and(np.isfinite(boxes).all(axis=1), (boxes[:, 2:] >= 0).all(axis=1)),
            'have a box that is not finite or has a negative width or height')
    counts = Counter((result.image_id, result.category_id, result.score, result.bbox, result.modality,
                      str(result.segmentation)) for result in results)
    if len(counts) > MIN_COPIED and min(counts.values()) > 1:
        raise ResultsError(f'{path}: each detection is listed {min(counts.values())} times or more, as if files had been '
                           'joined; list each once')


def part_warning(path: str | Path, num_predicted: int, num_images: int, of: str | Path) -> str | None:
    """Find results that may be of a part of the images.

    Args:
        path: The results file.
        num_predicted: Number of images with detections.
        num_images: Number of images that are judged.
        of: What holds these images, for the message.

    Returns:
        What to say if too few images have detections; None otherwise.
    """
    if num_predicted >= NEARLY_ALL * num_images:
        return None
    return (f'{path} has detections in {num_predicted} of the {num_images} images of {of}. A results file does not list images '
            'in which nothing was detected, so that all are judged: if only a part was predicted, evaluate against the '
            'annotations of that part')


def _refuse(path: str | Path, results: Sequence[Result], faulty: Sequence[bool] | np.ndarray, what: str) -> None:
    """Raise if any detection is faulty, and name the first."""
    positions = np.flatnonzero(faulty)
    if len(positions):
        first = results[positions[0]]
        raise ResultsError(f'{path}: {len(positions)} of {len(results)} detections {what} (the first is number '
                           f'{positions[0] + 1}: image_id {first.image_id!r}, category_id {first.category_id}, score '
                           f'{first.score:g})')
