"""FiniteLossHook: stops a training whose loss is NaN or infinite."""

from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop a training whose loss is NaN or infinite, and report the iteration, the losses and the images.

    It checks every iteration, before a checkpoint is written, at no extra cost: mmengine reads all losses in every iteration
    anyway. mmdet's CheckInvalidLossHook checks every 50 iterations by default, and reports neither the losses nor the
    iteration.

    Examples:
        >>> custom_hooks = [dict(type='FiniteLossHook')]
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None) -> None:
        """Check the losses.

        Args:
            runner: The runner of the training.
            batch_idx: Number of the batch in the epoch.
            data_batch: The batch; its data samples contain the image paths.
            outputs: The losses by name, and ``loss``, their sum.

        Raises:
            FloatingPointError: If the sum is NaN or infinite.
        """
        values = {name: float(value) for name, value in (outputs or {}).items() if isinstance(value, (torch.Tensor, float))}
        if 'loss' not in values or torch.isfinite(torch.tensor(values['loss'])):
            return
        losses = ', '.join(f'{name} {value:.4g}' for name, value in values.items())
        samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
        images = ', '.join(str(getattr(sample, 'img_path', 'unknown')) for sample in samples) \
            if isinstance(samples, list) else 'unknown'
        raise FloatingPointError(
            f'the loss of iteration {runner.iter + 1} is {values["loss"]:.4g} ({losses}); images: {images}. Lower the learning '
            'rate, use a longer warmup or clip gradients, and check the boxes of these images; resume from an earlier '
            'checkpoint')
