"""The hook that ends a training whose loss is no number."""

from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """End a training whose loss is NaN or infinite, and name the iteration, the losses and the images.

    It looks at every iteration, before a checkpoint is written; mmengine reads all losses in every iteration anyway. mmdet's
    CheckInvalidLossHook looks every 50 iterations unless told otherwise, and says neither which losses nor when.

    Examples:
        >>> custom_hooks = [dict(type='FiniteLossHook')]
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None) -> None:
        """Look at the losses.

        Args:
            runner: The runner of the training.
            batch_idx: Number of the batch in the epoch.
            data_batch: The batch; its data samples tell the images.
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
            'rate, warm it up for longer or clip gradients, and look at the boxes of these images; go on from an earlier '
            'checkpoint')
