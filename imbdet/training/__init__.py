"""What hooks share: the bare detector, attaching to it and letting go, class counts, random state, progress."""

from imbdet.training.class_counts_hook import ClassCountsHook
from imbdet.training.compute_losses import compute_losses, training_mode_restored
from imbdet.training.detector import unwrap_detector
from imbdet.training.detector_hook import DetectorHook
from imbdet.training.predictions import watch_predictions
from imbdet.training.progress import training_epoch, training_iteration
from imbdet.training.random_state import preserve_rng_state
from imbdet.training.run_hook import RunHook

__all__ = [
    'ClassCountsHook', 'DetectorHook', 'RunHook', 'compute_losses', 'preserve_rng_state', 'training_epoch',
    'training_iteration', 'training_mode_restored', 'unwrap_detector', 'watch_predictions'
]
