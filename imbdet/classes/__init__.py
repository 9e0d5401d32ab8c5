"""The classes of a data set: their names, how often each occurs, and the frequency groups that follow from it."""

from imbdet.classes.box_centers import box_centers
from imbdet.classes.counts import (
    ClassCounts,
    count_classes,
    dataset_counts,
    file_counts,
    file_labels,
    unrepeated_counts,
)
from imbdet.classes.frequency_groups import (
    GROUPS,
    LVIS_LIMITS,
    ClassFrequencies,
    GroupLimits,
    class_frequencies,
    frequency_groups,
)
from imbdet.classes.names import class_names

__all__ = [
    'GROUPS', 'LVIS_LIMITS', 'ClassCounts', 'ClassFrequencies', 'GroupLimits', 'box_centers', 'class_frequencies',
    'class_names', 'count_classes', 'dataset_counts', 'file_counts', 'file_labels', 'frequency_groups',
    'unrepeated_counts'
]
