"""Access to the unwrapped detector of a Runner."""

from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner


def unwrap_detector(runner: Runner) -> BaseModel:
    """Return the runner's detector, taken out of the wrapper that distributed training puts around it.

    Args:
        runner: The runner of the training.
    """
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
