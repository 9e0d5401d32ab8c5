"""Training progress: iteration and epoch, from mmengine's message hub."""

from mmengine.logging import MessageHub


def training_iteration() -> int:
    """Return the iteration of the running training, from 0; 0 outside a training."""
    return MessageHub.get_current_instance().runtime_info.get('iter', 0)


def training_epoch(epoch_length: int | None = None) -> int:
    """Return the epoch of the running training.

    Args:
        epoch_length: Iterations that count as an epoch, at least 1. None: the epochs of the training loop.

    Returns:
        The epoch, from 0; 0 outside a training. A resumed training continues to count.

    Raises:
        ValueError: If the training loop counts no epochs, as mmengine's IterBasedTrainLoop, and ``epoch_length`` is None.
    """
    if epoch_length is not None:
        return training_iteration() // epoch_length
    progress = MessageHub.get_current_instance().runtime_info
    if progress.get('max_epochs') == 1 and progress.get('max_iters', 1) > 1:
        raise ValueError('the training loop counts one epoch in all, as an iteration-based one does; give epoch_length=, the '
                         'iterations that count as an epoch of the schedule')
    return progress.get('epoch', 0)
