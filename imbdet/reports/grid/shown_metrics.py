"""The metrics that a grid report shows unless others are asked for."""

from collections.abc import Sequence

from imbdet.reports.grid.grid_results import Training

SHOWN = ('_AP', '_APr', '_APc', '_APf', '_mAP', '_AP_pool')
"""Suffixes of the metrics that are shown by default."""
FIXED_SHOWN = ('_AP', '_APr', '_AP_pool')
"""Suffixes of those of AP^fixed that are shown next to the ordinary AP of the same kind."""


def shown_metrics(trainings: Sequence[Training]) -> list[str]:
    """List the metrics that are shown by default, in the order of the evaluation.

    Args:
        trainings: The trainings.

    Returns:
        AP over all classes, by frequency group, and pooled (see LongTailMetric). AP^fixed by group is left out for common and
        frequent classes if the ordinary AP was also evaluated: the table would be too wide to read.
    """
    names = list(dict.fromkeys(name for training in trainings for name in training.metrics))
    return [name for name in names if name.endswith(FIXED_SHOWN if _has_ordinary(name, names) else SHOWN)]


def _has_ordinary(name: str, names: Sequence[str]) -> bool:
    """Return whether a metric is of AP^fixed, such as ``lvis_fixed/bbox_APr``, and the ordinary one is also there."""
    prefix, _, metric = name.rpartition('/')
    return prefix.endswith('_fixed') and f'{prefix.removesuffix("_fixed")}/{metric}' in names
