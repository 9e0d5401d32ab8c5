"""The hook that hands the class counts of the training set to the modules that ask for them."""

import logging
from collections.abc import Iterator
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from imbdet.classes import ClassCounts, class_names, unrepeated_counts
from imbdet.training.detector import unwrap_detector

CHECKPOINT_KEY = 'class_counts'
NAMED = 20
"""Classes that the log names."""


def asking_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that have ``set_class_counts``, with their names.

    Args:
        model: The model to look through.
    """
    return ((name, module) for name, module in model.named_modules() if hasattr(module, 'set_class_counts'))


def bring_class_counts(model: nn.Module, dataset: Any) -> None:
    """Give modules their class counts where no training does, such as for what only looks at losses.

    Args:
        model: The model to look through.
        dataset: Its training set.
    """
    asking: list[Any] = [module for _, module in asking_modules(model)]
    counts = unrepeated_counts(dataset) if asking else None
    for module in asking:
        module.set_class_counts(_seen_once(counts))


def _seen_once(counts: Any) -> ClassCounts:
    return ClassCounts(counts.images.clip(min=1), counts.boxes.clip(min=1), counts.num_images)


@HOOKS.register_module()
class ClassCountsHook(Hook):
    """Hand the class counts of the training set to every module that asks for them.

    A module asks by a method ``set_class_counts(counts: ClassCounts)`` (see :class:`imbdet.classes.ClassCounts`) and keeps
    what it needs. It is called before training with the counts of the training set, the same on all ranks; before a
    validation or test without training with those that the checkpoint brings. These must be there, unless the module says
    ``counts_in_training_only = True``. The counts are saved in each checkpoint. A config need not name this hook: it is put
    in where a module asks.

    A class that no training image holds counts as if it had been seen once, as one box in one image, so that no ratio or
    logarithm of counts is infinite; a warning names such classes.
    """

    priority = 'VERY_HIGH'  # before hooks that compute losses when the training starts

    def __init__(self) -> None:
        self._counts: ClassCounts | None = None  # what the modules have
        self._loaded: ClassCounts | None = None  # of a checkpoint, until they are handed on

    def before_train(self, runner: Runner) -> None:
        """Count the classes of the training set and hand them on.

        Args:
            runner: The runner of the training.

        Raises:
            TypeError: If the data set cannot give labels.
            ValueError: If it has no class names.
        """
        dataset = runner.train_dataloader.dataset
        counts = unrepeated_counts(dataset)
        absent = [name for name, count in zip(class_names(dataset), counts.images, strict=True) if count == 0]
        if absent:
            print_log(f'ClassCountsHook: no training image holds {len(absent)} of the classes, which count as seen once: '
                      f'{", ".join(absent[:NAMED])}{", ..." if len(absent) > NAMED else ""}', logger='current',
                      level=logging.WARNING)
        self._hand_on(runner, _seen_once(counts))

    def before_val(self, runner: Runner) -> None:
        """See that the modules have counts; in a training they have them.

        Args:
            runner: The runner.
        """
        self._restore(runner)

    def before_test(self, runner: Runner) -> None:
        """See that the modules have counts.

        Args:
            runner: The runner.
        """
        self._restore(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the counts that a checkpoint brings.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.
        """
        saved = checkpoint.get(CHECKPOINT_KEY)
        if saved is not None:
            self._loaded = ClassCounts(saved['images'].numpy(), saved['boxes'].numpy(), int(saved['num_images']))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save the counts.

        Args:
            runner: The runner of the training.
            checkpoint: The checkpoint to be saved.
        """
        if self._counts is not None:
            checkpoint[CHECKPOINT_KEY] = {
                'images': torch.from_numpy(self._counts.images), 'boxes': torch.from_numpy(self._counts.boxes),
                'num_images': self._counts.num_images}

    def _restore(self, runner: Runner) -> None:
        """Hand on the counts of the checkpoint; raise if modules ask and there are none."""
        if self._loaded is not None:
            self._hand_on(runner, self._loaded)
        names = [name for name, module in asking_modules(unwrap_detector(runner))
                 if not getattr(module, 'counts_in_training_only', False)]
        if self._counts is None and names:
            raise ValueError(f'ClassCountsHook: {", ".join(names)} ask for class counts, and the checkpoint has none; load a '
                             'checkpoint of a training with imbdet (load_from), or train first')

    def _hand_on(self, runner: Runner, counts: ClassCounts) -> None:
        self._counts, self._loaded = counts, None
        for name, module in asking_modules(unwrap_detector(runner)):
            asking: Any = module
            asking.set_class_counts(counts)
            print_log(f'ClassCountsHook: {name} has the counts of {len(counts.images)} classes in {counts.num_images} images',
                      logger='current')


def put_in(runner: Runner) -> None:
    """Register the hook with a runner whose model has a module that asks and whose config does not name the hook.

    Args:
        runner: The runner, before a run. :mod:`imbdet.compat` calls this.
    """
    if any(isinstance(hook, ClassCountsHook) for hook in runner.hooks):
        return
    if next(asking_modules(runner.model), None) is not None:
        runner.register_hook(ClassCountsHook())
