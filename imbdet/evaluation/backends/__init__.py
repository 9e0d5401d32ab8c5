"""The evaluation libraries: one file each, and the choice among those that are installed."""

from imbdet.evaluation.backends.choice import BACKENDS, choose_backend, make_evaluator

__all__ = ['BACKENDS', 'choose_backend', 'make_evaluator']
