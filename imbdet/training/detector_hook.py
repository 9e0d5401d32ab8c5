"""The base of hooks that attach to the detector and let go of it again."""

from collections.abc import Iterable
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.hooks import RemovableHandle

from imbdet.training.detector import unwrap_detector


class DetectorHook(Hook):
    """Attach PyTorch hooks to the detector before training, and remove them after training or after an exception.

    A subclass gives :meth:`attach` and, if it has state, :meth:`state` and a ``state_key``. Attaching twice is attaching once.
    The state is in the checkpoint under its own key. It comes back when a training is resumed, not when weights are loaded for
    another training.

    Attributes:
        state_key: Key of the state in a checkpoint; None for a hook without state. Hooks of one kind share the key, so that
            each names its entries by what is its own, such as a loss or a module.
    """

    state_key: str | None = None

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []
        self._loaded: dict[str, Any] = {}

    def attach(self, runner: Runner, detector: BaseModel) -> Iterable[RemovableHandle]:
        """Attach to the detector; a generator keeps what was attached before an error removable.

        Args:
            runner: The runner.
            detector: Its detector, not wrapped for distributed training.

        Returns:
            Handles that remove what was attached.
        """
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return what a resumed training needs: tensors by the name of what they belong to."""
        return {}

    def attach_to(self, runner: Runner) -> None:
        """Attach to the runner's detector, after letting go of what was attached before.

        Args:
            runner: The runner.
        """
        self.let_go()
        try:
            for handle in self.attach(runner, unwrap_detector(runner)):
                self._handles.append(handle)
        except BaseException:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Remove everything that was attached. Twice is once."""
        while self._handles:
            self._handles.pop().remove()

    def before_train(self, runner: Runner) -> None:
        """Attach.

        Args:
            runner: The runner of the training.
        """
        if runner.iter == 0:
            self._loaded = {}  # not resumed: the state is that of another training
        self.attach_to(runner)

    def after_train(self, runner: Runner) -> None:
        """Let go.

        Args:
            runner: The runner of the training.
        """
        self.let_go()

    def after_exception(self, runner: Runner) -> None:
        """Let go: the runner has raised. :mod:`imbdet.compat` calls it, because mmengine does not tell hooks of exceptions.

        Args:
            runner: The runner.
        """
        self.let_go()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the state that a checkpoint brings.

        Args:
            runner: The runner of the training.
            checkpoint: The loaded checkpoint.
        """
        if self.state_key is not None:
            self._loaded = checkpoint.get(self.state_key, {})

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save the state, next to that of other hooks of this kind.

        Args:
            runner: The runner of the training.
            checkpoint: The checkpoint to be saved.

        Raises:
            ValueError: If another hook of this kind has saved state of the same name.
        """
        state = self.state()
        if self.state_key is None or not state:
            return
        saved = checkpoint.setdefault(self.state_key, {})
        twice = sorted(set(saved) & set(state))
        if twice:
            raise ValueError(f'two hooks {type(self).__name__} keep state of {", ".join(twice)}; remove one of them')
        saved.update(state)
