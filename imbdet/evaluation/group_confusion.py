"""As what objects of rare, common and frequent classes are found: a confusion matrix of groups, with background."""

import numpy as np

from imbdet.classes.frequency_groups import GROUPS
from imbdet.evaluation.matching import FOREGROUND_IOU, NONE, Matches

ROWS = (*GROUPS, 'background')
"""What is there: an object of a class of a group, or none."""
COLUMNS = ('right', *GROUPS, 'missed')
"""What was found: its own class, another class of a group, or nothing."""


def group_confusion(matches: Matches, groups: np.ndarray, threshold: float) -> np.ndarray:
    """Count as what objects are found, and as what detections without an object are.

    An object is right if a detection of its class matches it. Otherwise the detection of another class with the highest score
    counts, among those that overlap no other object more and whose IoU is 0.5 or more; without one, it is missed. The row of
    the background has the detections that match no object and overlap none of another class at that IoU: objects that are not
    there, boxes that are too far off, and duplicates.

    Args:
        matches: Detections and objects.
        groups: ``'r'``, ``'c'`` or ``'f'`` for each class, shape (C,).
        threshold: Score above which a detection counts.

    Returns:
        Counts by ``ROWS`` and ``COLUMNS``, shape (4, 5), int64; nothing is right or missed in the background.
    """
    numbers = np.array([GROUPS.index(group) for group in groups.tolist()])
    shown = matches.scores > threshold
    right = np.zeros(len(matches.object_classes), dtype=bool)
    right[matches.objects[shown & (matches.objects != NONE)]] = True
    wrong = shown & (matches.objects == NONE)
    confused = wrong & (matches.other_iou >= FOREGROUND_IOU)
    columns = np.where(right, COLUMNS.index('right'), COLUMNS.index('missed'))
    order = np.flatnonzero(confused)
    order = order[np.argsort(matches.scores[order], kind='stable')]  # the highest score is written last
    order = order[~right[matches.other_object[order]]]
    columns[matches.other_object[order]] = 1 + numbers[matches.classes[order]]
    counts = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    np.add.at(counts, (numbers[matches.object_classes], columns), 1)
    np.add.at(counts, (ROWS.index('background'), 1 + numbers[matches.classes[wrong & ~confused]]), 1)
    return counts
