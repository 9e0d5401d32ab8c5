"""The hook that tells federated losses which classes count in a step."""

import functools
import logging
from collections.abc import Iterator
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.heads import ClassLayer, find_class_layers, find_heads, find_predictions
from imbdet.losses.federated_loss import FederatedLoss
from imbdet.losses.listed_classes import ListedClasses, batch_masks, federated_gradient, listed_classes
from imbdet.training import DetectorHook


@HOOKS.register_module()
class FederationHook(DetectorHook):
    """Tell federated losses which classes count, before the losses of a step are computed.

    A config need not name it: it is put in where there is a :class:`imbdet.losses.FederatedLoss`. For ``negatives='sampled'``
    it collects the classes that the batch shows on all ranks, and has the loss draw others. For ``'listed'`` it reads the
    lists of the annotation file, and takes the classes that do not count in an image out of the logits where they leave the
    head, which knows the image of each of its logits.
    """

    priority = 'ABOVE_NORMAL'  # after ClassCountsHook

    def __init__(self) -> None:
        super().__init__()
        self._lists: dict[str, ListedClasses] = {}
        self._masks: tuple[Tensor, Tensor] | None = None  # of the batch, while its losses are computed

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Attach to the detector, and to the class layers of heads that go by lists.

        Args:
            runner: The runner of the training.
            detector: Its detector.
        """
        losses = [module for module in detector.modules() if isinstance(module, FederatedLoss)]
        sampled = [loss for loss in losses if loss.negatives == 'sampled']
        layers = _layers_by_lists(detector, len(losses) - len(sampled))
        self._lists = listed_classes(runner.train_dataloader.dataset) if layers else {}
        num_classes = losses[0].num_counted
        device = next(detector.parameters()).device
        for loss in sampled:
            if loss.num_kept >= num_classes:
                print_log(f'FederatedLoss: num_kept={loss.num_kept} keeps all {num_classes} classes, so that none is left out; '
                          'choose a smaller number', logger='current', level=logging.WARNING)

        def before(detector: nn.Module, inputs: tuple, keywords: dict) -> None:
            if keywords.get('mode') != 'loss' or not torch.is_grad_enabled():
                return
            samples = _flat(keywords['data_samples'] if 'data_samples' in keywords else inputs[1], bool(layers))
            if sampled:
                shown = self._shown(samples, num_classes, device)
                for loss in sampled:
                    loss.start_step(shown, runner.iter)
            if layers:
                self._masks = batch_masks([self._lists[sample.img_path] for sample in samples], num_classes, device)

        def after(*_: Any) -> None:
            self._masks = None

        yield detector.register_forward_pre_hook(before, with_kwargs=True)
        yield detector.register_forward_hook(after)
        extractors = {each.name: each.extractor for each in find_predictions(detector, 'cls')[0]} if layers else {}
        for layer in layers:
            yield from self._attach_layer(layer, extractors.get(layer.head.name))

    @staticmethod
    def _shown(samples: Any, num_classes: int, device: torch.device) -> Tensor:
        """Return whether the batch of any rank shows each class."""
        shown = torch.zeros(num_classes, device=device)
        for sample in samples:
            shown[sample.gt_instances.labels.to(device)] = 1
        all_reduce(shown)
        return shown > 0

    def _attach_layer(self, layer: ClassLayer, extractor: nn.Module | None) -> Iterator[RemovableHandle]:
        rows: list[Tensor] = []  # the image of each region

        def note(extractor: nn.Module, inputs: tuple, keywords: dict) -> None:
            rois = keywords['rois'] if 'rois' in keywords else inputs[1]
            rows[:] = [rois[:, 0].long()]

        if extractor is not None:
            yield extractor.register_forward_pre_hook(note, with_kwargs=True)
        yield layer.layer.register_forward_hook(functools.partial(self._federate, layer, rows))

    def _federate(self, layer: ClassLayer, rows: list[Tensor], module: nn.Module, inputs: tuple, logits: Tensor) -> Tensor:
        """Forward hook of a layer."""
        if self._masks is None:
            return logits
        counting, open_ended = (_spread(layer, mask, rows, rest, logits)
                                for mask, rest in zip(self._masks, (True, False), strict=True))
        return federated_gradient(logits, counting, open_ended)


def _layers_by_lists(detector: nn.Module, num_losses: int) -> list[ClassLayer]:
    """Find the class layers of the heads whose losses go by lists; raise if these are not all there."""
    if not num_losses:
        return []
    heads = {name for name, head in find_heads(detector).items() if _goes_by_lists(head.module)}
    layers = [layer for layer in find_class_layers(detector) if layer.head.name in heads]
    if len(heads) < num_losses or any(layer.head.spec.is_product for layer in layers):
        raise ValueError("FederatedLoss: negatives='listed' needs heads whose class logits are known and no products; use "
                         "'sampled'")
    return layers


def _goes_by_lists(head: nn.Module) -> bool:
    loss: Any = getattr(head, 'loss_cls', nn.Identity())
    return any(isinstance(module, FederatedLoss) and module.negatives == 'listed' for module in loss.modules())


def _flat(samples: Any, goes_by_lists: bool) -> list[Any]:
    """Return the samples of a batch, of all branches of a semi-supervised detector."""
    if not isinstance(samples, dict):
        return list(samples)
    if goes_by_lists:
        raise ValueError("FederatedLoss: a semi-supervised detector has images without lists; use negatives='sampled'")
    return [sample for branch in samples.values() for sample in branch]


def _spread(layer: ClassLayer, mask: Tensor, rows: list[Tensor], rest: bool, logits: Tensor) -> Tensor:
    """Give each logit of a layer the mask of its image and class; to others ``rest``."""
    spread = mask.new_full((len(mask), layer.num_outputs), rest)
    spread[:, layer.channels.to(mask.device)] = mask[:, None]
    if rows:
        return spread[rows[0]]
    if not layer.is_linear:
        return spread[:, :, None, None]
    return spread[:, None] if logits.dim() == 3 else spread[None, :, None]  # of all layers of a decoder at once
