"""TIDE error analysis (arXiv 2008.08115): types of errors, and the AP gained by fixing each."""

from typing import NamedTuple

import numpy as np

from imbdet.evaluation.average_precision import UNDEFINED
from imbdet.evaluation.matching import FOREGROUND_IOU, NONE, Matches

BACKGROUND_IOU = 0.1
"""IoU below which a detection is on the background."""
ERROR_TYPES = ('classification', 'localisation', 'both', 'duplicate', 'background', 'missed')
RECALLS = np.linspace(0, 1, 101)


class Errors(NamedTuple):
    """Errors of D detections and G objects.

    Attributes:
        types: Type of each false positive as a position in ``ERROR_TYPES``, -1 for a true positive, shape (D,), int64.
        targets: The object that a detection with a classification or localization error belongs to, else -1,
            shape (D,), int64.
        missed: Which objects are missed, shape (G,), bool.
    """

    types: np.ndarray
    targets: np.ndarray
    missed: np.ndarray


def find_errors(matches: Matches) -> Errors:
    """Assign a type to each error.

    With t_f = 0.5 and t_b = 0.1, a false positive is (section 2.2 of the paper)

    - localisation: IoU in [t_b, t_f) with an object of its class;
    - classification: IoU of t_f or more with an object of another class;
    - duplicate: IoU of t_f or more with an object of its class that another detection matches;
    - background: IoU below t_b with every object;
    - both (wrong class and place): IoU in [t_b, t_f) with an object of another class.

    IoU is the highest one. If several apply, the first in this order counts. A missed object is one that no detection
    matches and that no classification or localization error belongs to.

    Args:
        matches: Detections and objects.

    Returns:
        The errors.
    """
    wrong = matches.objects == NONE
    localisation = (matches.own_iou >= BACKGROUND_IOU) & (matches.own_iou < FOREGROUND_IOU)
    classification = matches.other_iou >= FOREGROUND_IOU
    conditions = {'localisation': localisation, 'classification': classification,
                  'duplicate': matches.own_iou >= FOREGROUND_IOU,
                  'background': np.maximum(matches.own_iou, matches.other_iou) < BACKGROUND_IOU}
    types = np.select([wrong & condition for condition in conditions.values()],
                      [ERROR_TYPES.index(error_type) for error_type in conditions],
                      np.where(wrong, ERROR_TYPES.index('both'), NONE))
    targets = np.select([types == ERROR_TYPES.index('localisation'), types == ERROR_TYPES.index('classification')],
                        [matches.own_object, matches.other_object], NONE)
    missed = np.ones(len(matches.object_classes), dtype=bool)
    for reached in (matches.objects, targets):
        missed[reached[reached != NONE]] = False
    return Errors(types, targets, missed)


def class_ap50(scores: np.ndarray, classes: np.ndarray, correct: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Compute AP at IoU 0.5 of each class from matched detections, as pycocotools and lvis-api do.

    Precision at recall r is the highest at any recall of r or more; AP is its mean over r = 0, 0.01, ..., 1.

    Args:
        scores: Scores of D detections, shape (D,).
        classes: Class of each, in [0, C), shape (D,).
        correct: Whether each matches an object, shape (D,), bool.
        objects: Number of objects of each class, shape (C,).

    Returns:
        AP50 of each class, shape (C,), in [0, 1], or -1 without objects.
    """
    aps = np.full(len(objects), UNDEFINED)
    order = np.lexsort((-scores, classes))
    ends = np.searchsorted(classes[order], np.arange(len(objects) + 1))
    for label in np.flatnonzero(objects):
        correct_in_class = correct[order[ends[label]:ends[label + 1]]]
        found = np.cumsum(correct_in_class)
        precision = np.maximum.accumulate((found / np.arange(1, len(found) + 1))[::-1])[::-1]
        places = np.searchsorted(found / objects[label], RECALLS, side='left')
        aps[label] = np.append(precision, 0)[places].mean()
    return aps


def ap50_without_errors(matches: Matches, errors: Errors, num_classes: int) -> dict[str, np.ndarray]:
    """Compute AP50 of each class as it is, and without the errors of each type (section 2.3 of the paper).

    - Classification errors get the class of their object and localization errors its place, so that they become correct. If
      several detections then match the same object, the one with the highest score keeps it and the others are removed.
    - Errors of both, duplicates and background are removed.
    - Missed objects are subtracted from the number of objects. A class without any other object then has no AP.

    Args:
        matches: Detections and objects.
        errors: Their errors.
        num_classes: Number of classes C.

    Returns:
        AP50 of the classes by ``'none'`` and each of ``ERROR_TYPES``, shape (C,), in [0, 1], or -1 without objects.
    """
    objects = np.bincount(matches.object_classes, minlength=num_classes)
    correct = matches.objects != NONE
    aps = {'none': class_ap50(matches.scores, matches.classes, correct, objects)}
    for number, error_type in enumerate(ERROR_TYPES[:-1]):
        has_error = errors.types == number
        classes, kept = matches.classes.copy(), ~has_error
        if error_type in ('classification', 'localisation'):
            classes[has_error] = matches.object_classes[errors.targets[has_error]]
            claimed = np.where(has_error, errors.targets, matches.objects)
            kept = (claimed == NONE) | _keeps_its_object(matches.scores, claimed)
        aps[error_type] = class_ap50(matches.scores[kept], classes[kept], (correct | has_error)[kept], objects)
    found = objects - np.bincount(matches.object_classes[errors.missed], minlength=num_classes)
    aps['missed'] = class_ap50(matches.scores, matches.classes, correct, found)
    return aps


def _keeps_its_object(scores: np.ndarray, claimed: np.ndarray) -> np.ndarray:
    """Find the detection with the highest score (the first among equals) for each claimed object."""
    order = np.lexsort((-scores, claimed))
    firsts = np.append(True, np.diff(claimed[order]) != 0)[:len(order)]
    keeps = np.zeros(len(scores), dtype=bool)
    keeps[order[firsts & (claimed[order] != NONE)]] = True
    return keeps
