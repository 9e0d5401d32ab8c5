"""The checks that imbdet puts into every run."""

from mmengine.runner import Runner

from imbdet.training_checks.check_learnable_hook import CheckLearnableHook
from imbdet.training_checks.check_weights_hook import CheckWeightsHook


def put_in(runner: Runner, run: str) -> None:
    """Register the hooks with a runner, or tell registered ones what runs.

    Args:
        runner: The runner, before a run. :mod:`imbdet.compat` calls this.
        run: ``'train'``, ``'val'`` or ``'test'``.
    """
    registered = {type(hook): hook for hook in runner.hooks}
    for kind in (CheckLearnableHook, CheckWeightsHook):
        if kind in registered:
            registered[kind].run = run  # type: ignore[attr-defined]
        else:
            runner.register_hook(kind(run), priority='LOWEST')
