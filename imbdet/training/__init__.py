"""What hooks share: the bare detector, random state, progress."""

from imbdet.training.detector import unwrap_detector
from imbdet.training.progress import training_epoch, training_iteration
from imbdet.training.random_state import preserve_rng_state

__all__ = ['preserve_rng_state', 'training_epoch', 'training_iteration', 'unwrap_detector']
