"""Average precisions from the precision array that lvis-api and pycocotools share."""

import numpy as np

from imbdet.classes.frequency_groups import GROUPS

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS = ('all', 'small', 'medium', 'large')
UNDEFINED = -1.0
"""AP where there is no ground truth, such as for a group without classes; lvis-api and pycocotools also use -1."""


def mean_precision(precision: np.ndarray) -> float:
    """Average the defined entries of a precision array.

    Args:
        precision: Any shape; entries in [0, 1], or -1 where there is no ground truth.

    Returns:
        Their mean, or -1 if none is defined.
    """
    defined = precision[precision > -1]
    return float(defined.mean()) if defined.size else UNDEFINED


def summarize(precision: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Compute the LVIS summary.

    Args:
        precision: Precision at each IoU threshold, recall threshold, class and area range, shape (10, 101, C, 4).
        groups: Frequency group of each class, ``'r'``, ``'c'`` or ``'f'``, shape (C,).

    Returns:
        AP, AP50, AP75, APs, APm, APl, APr, APc and APf, each in [0, 1], or -1 where there is no ground truth.
    """
    overall = precision[..., AREAS.index('all')]
    summary = {'AP': mean_precision(overall), 'AP50': mean_precision(overall[0]), 'AP75': mean_precision(overall[5])}
    for index, area in enumerate(AREAS[1:], start=1):
        summary[f'AP{area[0]}'] = mean_precision(precision[..., index])
    for group in GROUPS:
        summary[f'AP{group}'] = mean_precision(overall[:, :, groups == group])
    return summary


def class_average_precisions(precision: np.ndarray) -> dict[str, np.ndarray]:
    """Compute AP, AP50 and AP75 of each class.

    Args:
        precision: Precision at each IoU threshold, recall threshold, class and area range, shape (10, 101, C, 4).

    Returns:
        Arrays of shape (C,), -1 for a class without ground truth.
    """
    overall = precision[..., AREAS.index('all')]
    selections = {'AP': slice(None), 'AP50': slice(0, 1), 'AP75': slice(5, 6)}
    return {name: np.array([mean_precision(overall[ious, :, index]) for index in range(overall.shape[2])])
            for name, ious in selections.items()}
