"""CheckWeightsHook: refuses a checkpoint that does not fit the model."""

import logging
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel
from mmengine.runner import Runner
from torch import nn

from imbdet.annotations.class_faults import label_difference
from imbdet.training.detector import unwrap_detector
from imbdet.training_checks.loaded_weights import LoadedWeights, loaded_weights, weight_shapes


class CheckWeightsHook(Hook):
    """Compare a checkpoint with the model that loads it.

    mmengine loads what fits and leaves the rest random; it says so in a warning among many. In a test or validation, and if a
    training is resumed, each layer needs its weights: a checkpoint of another detector or number of classes is an error. A
    training that starts from weights (``load_from``) may have new layers, such as a classifier of other classes: one line of
    the log says how many layers were kept, which are new and why. If no layer fits, it is an error as well. The classes that
    mmengine stores in a checkpoint are compared too: weights whose classes are in another order fit, but mean others.

    imbdet puts the hook into every run, after the hooks that change what is loaded, such as EMAHook.

    Args:
        run: ``'train'``, ``'val'`` or ``'test'``.
    """

    def __init__(self, run: str) -> None:
        self.run = run

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Have the model report what it loads; mmengine calls this before it hands the weights over.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.
        """
        self.check_classes(runner, checkpoint)
        weights = checkpoint.get('state_dict', checkpoint)
        broken = [str(name) for name, value in weights.items() if isinstance(value, torch.Tensor) and value.is_floating_point()
                  and not torch.isfinite(value).all()]
        if broken:
            raise ValueError(f'{runner._load_from or "the checkpoint to resume from"} has NaN or infinite weights in '
                             f'{len(broken)} tensors (first: {broken[0]}); use an earlier checkpoint')
        shapes = weight_shapes(weights)
        model: Any = unwrap_detector(runner)
        if isinstance(model, BaseTTAModel):
            model = model.module

        def check(loaded: nn.Module, keys: Any) -> None:
            handle.remove()
            self.check(runner, loaded_weights(loaded, shapes, keys.missing_keys, keys.unexpected_keys))

        handle = model.register_load_state_dict_post_hook(check)

    def check_classes(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the classes that the weights were trained with to those of the data.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint; one without ``dataset_meta`` is not compared.

        Raises:
            ValueError: If the same classes are in another order, in a test, validation or resumed training.
        """
        meta = checkpoint.get('meta') or {}
        trained = _classes(meta.get('dataset_meta')) or _classes(meta)
        dataloader = getattr(getattr(runner, f'_{self.run}_loop'), 'dataloader', None)
        current = _classes(getattr(getattr(dataloader, 'dataset', None), 'metainfo', None))
        if not trained or not current or trained == current:
            return
        path = runner._load_from or f'the latest checkpoint in {runner.work_dir}'
        difference = f'in the training and here, {label_difference(trained, current)}'
        if sorted(trained) == sorted(current) and (self.run != 'train' or runner._resume):
            raise ValueError(f'the weights of {path} were trained with the same classes in another order ({difference}), so '
                             'that detections would get wrong names; use the order of the training in metainfo')
        print_log(f'the weights of {path} were trained with other classes ({difference})', logger='current',
                  level=logging.WARNING)

    def check(self, runner: Runner, found: LoadedWeights) -> None:
        """Raise, or say what was loaded.

        Args:
            runner: The runner.
            found: What the checkpoint brought.

        Raises:
            ValueError: If no layer fits; in a test, validation or resumed training also if one does not.
        """
        path = runner._load_from or f'the latest checkpoint in {runner.work_dir}'
        if self.run == 'train' and not runner._resume:
            if not found.kept:
                kind = type(unwrap_detector(runner)).__name__
                raise ValueError(f'load_from={path} fits no layer of the {kind}: {found.summary()}. Choose a checkpoint of '
                                 'this kind of detector, or remove load_from')
            print_log(f'load_from={path}: {found.summary()}', logger='current',
                      level=logging.WARNING if found.new or found.unused else logging.INFO)
            return
        if found.new or (found.unused and self.run == 'train'):
            what, advice = self.run, ''
            if self.run == 'train':
                what, advice = 'resume', f'; to start from what fits, omit --resume and set load_from={path}'
            raise ValueError(f'cannot {what} with the weights of {path}, which are of another model: {found.summary()}. Use '
                             'the config that the checkpoint was trained with' + advice)
        if found.unused:
            print_log(f'{path}: {found.summary()}', logger='current', level=logging.WARNING)


def _classes(metainfo: Any) -> list[str]:
    # CLASSES: mmdet 2
    return list(metainfo.get('classes') or metainfo.get('CLASSES') or ()) if isinstance(metainfo, dict) else []
