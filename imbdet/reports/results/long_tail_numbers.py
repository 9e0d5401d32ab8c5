"""Numbers of the long-tail report: AP, error types and calibration of results files by frequency group."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imbdet.annotations import AnnotationError, AnnotationFile, check_content, load_annotations
from imbdet.annotations.mask_checks import check_masks
from imbdet.classes.frequency_groups import GROUPS, LVIS_LIMITS, GroupLimits, class_frequencies
from imbdet.evaluation.average_precision import class_average_precisions, summarize
from imbdet.evaluation.backends import choose_backend, make_evaluator
from imbdet.evaluation.calibration import Reliability, reliability
from imbdet.evaluation.detections import Detections, cap_detections
from imbdet.evaluation.ground_truth import GroundTruth, check_federated
from imbdet.evaluation.group_confusion import group_confusion
from imbdet.evaluation.matching import NONE, Matches, match_detections
from imbdet.evaluation.results_file import load_results, part_warning, to_detections
from imbdet.evaluation.score_thresholds import f1_threshold
from imbdet.evaluation.tide_errors import ERROR_TYPES, ap50_without_errors, find_errors

SCOPES = ('all', *GROUPS)
"""Groups of classes that have numbers: all, and the rare, common and frequent ones."""


class EvaluatedClasses(NamedTuple):
    """The C evaluated classes, in the order of their ids.

    Attributes:
        ids: Category ids.
        names: Names.
        groups: ``'r'``, ``'c'`` or ``'f'``, shape (C,).
        train_images: Training images that contain each, shape (C,), int64.
    """

    ids: list[int]
    names: list[str]
    groups: np.ndarray
    train_images: np.ndarray

    def members(self, scope: str) -> np.ndarray:
        """Find the classes in a scope, shape (C,), bool."""
        return np.ones(len(self.ids), dtype=bool) if scope == 'all' else self.groups == scope


class SeedResults(NamedTuple):
    """Results of one seed, from one results file; NaN if undefined.

    Attributes:
        path: The file.
        summary: AP, AP50, AP75, APs, APm, APl, APr, APc and APf.
        class_ap: AP of each class, shape (C,).
        num_objects: Objects in each of ``SCOPES`` without ignored ones, shape (4,), int64.
        error_counts: Errors by ``SCOPES`` and ``ERROR_TYPES``, shape (4, 6), int64: false positives by the
            class they were detected as, missed objects by their own.
        ap50_gains: AP50 gained by fixing each type of error, shape (4, 6).
        reliability: Precision by score in each of ``SCOPES``.
        confusion: As what objects of each group are found, see :func:`~imbdet.evaluation.group_confusion.group_confusion`;
            shape (4, 5), int64.
        threshold: Score above which detections count in it: of the highest F1 over all classes.
        images_with_detections: Number of images in which something was detected.
    """

    path: Path
    summary: dict[str, float]
    class_ap: np.ndarray
    num_objects: np.ndarray
    error_counts: np.ndarray
    ap50_gains: np.ndarray
    reliability: list[Reliability]
    confusion: np.ndarray
    threshold: float
    images_with_detections: int


class Run(NamedTuple):
    """Results of a detector: one file per training seed."""

    name: str
    files: list[SeedResults]


class ResultsEvaluator:
    """Evaluates results files against one annotation file.

    Args:
        ann_file: Annotation file of the evaluated images, LVIS or COCO format. Its categories are the classes.
        train_ann_file: Training annotations to count the images of each class in. None: the counts are in ``ann_file``.
        style: ``'lvis'`` or ``'coco'``, see LongTailMetric. None: ``'lvis'`` if the images have ``neg_category_ids``.
        kind: ``'bbox'`` or ``'segm'``.
        limits: Where the frequency groups end; goes with ``train_ann_file``.

    Attributes:
        classes: The evaluated classes.

    Raises:
        FileNotFoundError: If an annotation file does not exist.
        AnnotationError: If an annotation file cannot be used, or keys that the style needs are missing.
    """

    def __init__(self, ann_file: str | Path, train_ann_file: str | Path | None = None, style: str | None = None,
                 kind: str = 'bbox', limits: GroupLimits = LVIS_LIMITS) -> None:
        self.ann_file = Path(ann_file)
        self.annotations = load_annotations(ann_file)
        check_content(self.ann_file, self.annotations)
        if not self.annotations.annotations:
            raise AnnotationError(f'{ann_file} has no annotations to evaluate against; use those of the tested images')
        self.kind = kind
        federated = any(image.neg_category_ids is not None for image in self.annotations.images)
        self.style = style or ('lvis' if federated else 'coco')
        if self.style == 'lvis':
            check_federated(ann_file, self.annotations)
        self.classes = _classes(self.ann_file, self.annotations, train_ann_file, limits)
        if kind != 'bbox':
            check_masks(ann_file)
        self._ground_truth = GroundTruth(ann_file, self.style, masks=kind != 'bbox')
        self._backend = make_evaluator(choose_backend(self.style, (kind, )), self._ground_truth, (kind, ))

    def evaluate(self, path: str | Path) -> SeedResults:
        """Evaluate a results file.

        Args:
            path: A COCO results file.

        Returns:
            Its results.

        Raises:
            FileNotFoundError: If there is no such file.
            ResultsError: If it cannot be evaluated.
        """
        found = self._read(path)
        detections = self._capped(found)
        precision = self._backend.precision(detections, self.kind, self.classes.ids)
        summary = {name: float(_or_nan(value)) for name, value in summarize(precision, self.classes.groups).items()}
        class_ap = _or_nan(class_average_precisions(precision)['AP'])
        return SeedResults(Path(path), summary, class_ap, *self._diagnose(detections), len(set(found.image_ids.tolist())))

    def match(self, path: str | Path, iou: float) -> Matches:
        """Match the detections of a results file with the objects.

        Args:
            path: A COCO results file.
            iou: Lowest IoU at which a detection matches an object, in (0, 1].

        Returns:
            The matches.

        Raises:
            FileNotFoundError: If there is no such file.
            ResultsError: If it cannot be evaluated.
        """
        return match_detections(self._ground_truth, self._capped(self._read(path)), self.classes.ids, self.kind, iou)

    def _read(self, path: str | Path) -> Detections:
        return to_detections(path, load_results(path), self.annotations, self.kind)

    def _capped(self, found: Detections) -> Detections:
        return cap_detections(self._ground_truth.with_image_numbers(found), self.style)

    def part_warning(self, results: SeedResults) -> str | None:
        """Find results that may be of a part of the images.

        Args:
            results: Results of a file.

        Returns:
            What to say if too few images have detections; None otherwise.
        """
        return part_warning(results.path, results.images_with_detections, len(self.annotations.images), self.ann_file)

    def _diagnose(
            self, detections: Detections) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Reliability], np.ndarray, float]:
        """Return number of objects and of errors, AP50 gained by fixing them, reliability, confusion and its threshold."""
        matches = match_detections(self._ground_truth, detections, self.classes.ids, self.kind)
        errors = find_errors(matches)
        ap50 = {kind: _or_nan(values) for kind, values in ap50_without_errors(matches, errors, len(self.classes.ids)).items()}
        counts = np.zeros((len(SCOPES), len(ERROR_TYPES)), dtype=np.int64)
        gains = np.full((len(SCOPES), len(ERROR_TYPES)), np.nan)
        num_objects = np.zeros(len(SCOPES), dtype=np.int64)
        calibration = []
        for row, scope in enumerate(SCOPES):
            members = self.classes.members(scope)
            found, objects = members[matches.classes], members[matches.object_classes]
            num_objects[row] = np.count_nonzero(objects)
            kinds = errors.types[found & (errors.types != NONE)]
            counts[row] = np.bincount(kinds, minlength=len(ERROR_TYPES))
            counts[row, ERROR_TYPES.index('missed')] = np.count_nonzero(errors.missed & objects)
            gains[row] = [_mean(ap50[kind][members]) - _mean(ap50['none'][members]) for kind in ERROR_TYPES]
            calibration.append(reliability(matches.scores[found], matches.objects[found] != NONE))
        correct = matches.objects != NONE
        threshold = f1_threshold(matches.scores, correct, len(matches.object_classes))
        return num_objects, counts, gains, calibration, group_confusion(matches, self.classes.groups, threshold), threshold


def _classes(path: Path, annotations: AnnotationFile, train_ann_file: str | Path | None,
             limits: GroupLimits) -> EvaluatedClasses:
    """Return the classes in the order of their ids; raise if their frequencies are unknown."""
    frequencies = class_frequencies(annotations, None if train_ann_file is None else load_annotations(train_ann_file), limits)
    unknown = [category.name for category, group, count in zip(annotations.categories, *frequencies, strict=True)
               if group is None or count is None]
    if unknown:
        raise AnnotationError(f'{train_ann_file or path} does not specify training images and frequency group of '
                              f'{len(unknown)} of the classes of {path} (first: {unknown[0]!r}); set --train-ann to the '
                              'training annotations, with the same category names')
    order = np.argsort([category.id for category in annotations.categories])
    categories = [annotations.categories[index] for index in order]
    return EvaluatedClasses([category.id for category in categories], [category.name for category in categories],
                            np.array(frequencies.groups)[order], np.array(frequencies.image_counts, dtype=np.int64)[order])


def _or_nan(values: np.ndarray | float) -> np.ndarray:
    """Replace -1 (undefined) with NaN."""
    return np.where(np.asarray(values) > -1, values, np.nan)


def _mean(values: np.ndarray) -> float:
    """Average the defined values; NaN without any."""
    return float(np.mean(values[~np.isnan(values)])) if not np.isnan(values).all() else float('nan')


def mean_over_seeds(values: Sequence[float | np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Average numbers over seeds.

    Args:
        values: A number, or an array of the same shape, for each of S seeds.

    Returns:
        Mean and standard deviation (of the sample: S - 1 in the denominator), of that shape; the deviation is NaN for one
        seed.
    """
    stacked = np.stack([np.asarray(value, dtype=np.float64) for value in values])
    deviation = stacked.std(0, ddof=1) if len(stacked) > 1 else np.full(stacked.shape[1:], np.nan)
    return stacked.mean(0), deviation

