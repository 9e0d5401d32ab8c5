"""What hooks share: the bare detector, attaching to it and letting go, class counts, random state, progress."""

from imbdet.training.class_counts_hook import ClassCountsHook
from imbdet.training.detector import unwrap_detector
from imbdet.training.detector_hook import DetectorHook
from imbdet.training.progress import training_epoch, training_iteration
from imbdet.training.random_state import preserve_rng_state

__all__ = [
    'ClassCountsHook', 'DetectorHook', 'preserve_rng_state', 'training_epoch', 'training_iteration', 'unwrap_detector'
]
