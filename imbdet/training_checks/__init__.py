"""Hooks that stop a training at broken images or losses that are not finite."""

from imbdet.training_checks.check_images_hook import CheckImagesHook
from imbdet.training_checks.finite_loss_hook import FiniteLossHook

__all__ = ['CheckImagesHook', 'FiniteLossHook']
