"""Evaluation backends: one file per library, and the choice among the installed ones."""

from imbdet.evaluation.backends.choice import BACKENDS, choose_backend, make_evaluator

__all__ = ['BACKENDS', 'choose_backend', 'make_evaluator']
