"""The hook that scales classification losses by the regression losses next to them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from mmdet.models.roi_heads.base_roi_head import BaseRoIHead
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.heads.head_specs import RPN_HEADS
from imbdet.heads.loss_pairs import match_all, match_pairs, unpaired
from imbdet.sampling_free.loss_ratio import guided_weight, scale_levels, sum_levels, usable_ratio
from imbdet.sampling_free.uncertainty_weighted import UncertaintyWeighted
from imbdet.training.detector_hook import DetectorHook

TWO_STAGE = (*RPN_HEADS, BaseRoIHead)
"""Heads whose ratios are never frozen."""


@HOOKS.register_module()
class GuidedLossHook(DetectorHook):
    r"""Scale each classification loss to the magnitude of the regression loss next to it.

    .. math:: L = L_{reg} + w_{cls}\, r\, L_{cls},\qquad r = L_{reg} / L_{cls}

    without gradient through r (arXiv 1909.04868, guided loss scaling). Both losses, with the loss weights of the config,
    are summed over levels and over all ranks, in float32, before they are divided, so that every rank has the same r.
    As r is computed in each iteration, the loss weight and the ``avg_factor`` of the classification cancel; those of the
    regression do not (see :class:`PositiveMeanLoss`). A batch without a positive on any rank has no regression loss: its
    classification weighs 0, unless r is frozen.

    The weight is logged under the name of its loss with ``guided_weight`` for ``loss``: ``guided_weight_cls``,
    ``guided_weight_rpn_cls``, ``s0.guided_weight_cls``. What ``momentum``, ``freeze_after`` and ``average_over`` keep is saved
    in checkpoints and continues when training is resumed.

    Args:
        pairs: Names of regression losses by the name of the classification loss that they guide, such as
            ``dict(loss_cls='loss_bbox')`` or ``dict(loss_conf=('loss_xy', 'loss_wh'))``, whose sum is :math:`L_{reg}`; a loss
            that they do not name is left alone. None: matched by name, see :func:`~imbdet.heads.match_pairs`; a classification
            loss without a match is an error. ``'all'``: :math:`L_{reg}` is the mean of all other losses of the same prefix, as
            in the authors' release of 2021, such as regression and centerness, see :func:`~imbdet.heads.match_all`.
        scale: The weight w_cls, above 0; or weights by the name of the classification loss, 1 for those that it does not name.
            The authors have 2 for RoI heads: ``dict(loss_cls=2.0)``.
        momentum: Use a moving average of r, in which the newest has this share, in (0, 1]. None: r as it is.
        freeze_after: Take r as it is in this many batches with positives, at least 1, then keep that of the last one, averaged
            over the ranks that had positives. This is the authors' release of 2021 (100 there), which freezes dense heads only:
            where there is an RPN or a RoI head, r stays that of each batch.
        average_over: Take r as it is in this many batches with positives, at least 1, then keep its mean over them, for every
            head. Ours: the ratio of one batch is noisy.

    Raises:
        ValueError: If an argument is out of range, or several of ``momentum``, ``freeze_after`` and ``average_over`` are given.

    Examples:
        >>> custom_hooks = [dict(type='GuidedLossHook')]
        >>> custom_hooks = [dict(type='GuidedLossHook', scale=dict(loss_cls=2.0))]  # Faster R-CNN
    """

    state_key = 'guided_loss'

    def __init__(self,
                 pairs: Mapping[str, str | Sequence[str]] | Literal['all'] | None = None,
                 scale: float | Mapping[str, float] = 1.0,
                 momentum: float | None = None,
                 freeze_after: int | None = None,
                 average_over: int | None = None) -> None:
        super().__init__()
        if isinstance(pairs, str) and pairs != 'all':
            raise ValueError(f"pairs must be a dict of names, 'all' or None, got {pairs!r}")
        for value in scale.values() if isinstance(scale, Mapping) else [scale]:
            if not value > 0:
                raise ValueError(f'scale must be above 0, got {scale}')
        if momentum is not None and not 0 < momentum <= 1:
            raise ValueError(f'momentum must be in (0, 1], got {momentum}')
        for name, batches in dict(freeze_after=freeze_after, average_over=average_over).items():
            if batches is not None and batches < 1:
                raise ValueError(f'{name} must be at least 1, got {batches}')
        if sum(value is not None for value in (momentum, freeze_after, average_over)) > 1:
            raise ValueError('give one of momentum, freeze_after and average_over: the first averages without end, the second '
                             'keeps the ratio of one batch, the third the mean of several')
        self.over_all = pairs == 'all'
        self.pairs = None if pairs is None or isinstance(pairs, str) else {
            name: (partners,) if isinstance(partners, str) else tuple(partners) for name, partners in pairs.items()}
        self.scale = scale
        self.momentum = momentum
        self.freeze_after = freeze_after
        self.average_over = average_over
        self._freeze_after: int | None = None
        self._learned: list[UncertaintyWeighted] = []
        self._average: Tensor | None = None

    def attach(self, runner: Runner, detector: BaseModel) -> Iterator[RemovableHandle]:
        """Attach to the detector.

        Args:
            runner: The runner of the training.
            detector: The detector.

        Raises:
            ValueError: If another hook of this kind guides the same losses, or may.
        """
        others = [hook for hook in runner.hooks if isinstance(hook, GuidedLossHook) and hook is not self]
        for other in others:
            if self.pairs is None or other.pairs is None or set(self.pairs) & set(other.pairs):
                raise ValueError('several GuidedLossHooks guide the same losses; give each the pairs= of its own')
        self._freeze_after = self.freeze_after
        if self.freeze_after is not None and any(isinstance(module, TWO_STAGE) for module in detector.modules()):
            print_log('GuidedLossHook: freeze_after does nothing here: the ratios of an RPN and of RoI heads are never frozen, '
                      'as in the code of the authors; average_over freezes them too', logger='current', level=logging.WARNING)
            self._freeze_after = None
        self._learned = [module for module in detector.modules() if isinstance(module, UncertaintyWeighted)]
        if self._learned and others:
            raise ValueError('UncertaintyWeighted weights what one GuidedLossHook has scaled; give all pairs to one hook')
        for module in self._learned:
            module.is_weighted = True
        yield detector.register_forward_hook(self._scale_losses, with_kwargs=True)

    def let_go(self) -> None:
        """Remove what was attached."""
        super().let_go()
        for module in self._learned:
            module.is_weighted = False

    def state(self) -> dict[str, Tensor]:
        """Return the averages of r and how many batches they hold, shape (2,), by the name of the classification loss."""
        if self.pairs is None:
            return {}
        if self._average is None:  # resumed, and not a batch since
            return {name: average for name, average in self._loaded.items() if name in self.pairs}
        return dict(zip(self.pairs, self._average.T.cpu(), strict=True))

    def _scale_losses(self, detector: nn.Module, inputs: tuple, keywords: dict, losses: Any) -> Any:
        """Forward hook of the detector: return its losses, the classification losses weighted."""
        if keywords.get('mode') != 'loss' or not torch.is_grad_enabled():  # OptimalBiasInitHook measures without gradients
            return losses
        own = self._sums(losses)
        sums = torch.cat([own, torch.stack(usable_ratio(own[0], own[1]))])
        all_reduce(sums)  # always: a rank without positives must not leave the others waiting
        if self._average is None:
            start = [self._loaded.get(name, torch.zeros(2)) for name in self.pairs or ()]
            self._average = torch.stack(start, dim=1).to(sums)
        weights, self._average = guided_weight(sums[0], sums[1], self._average, self.momentum, self._freeze_after,
                                               self.average_over, last=sums[2] / sums[3].clamp(min=1))
        losses = dict(losses)
        for name, ratio, scale in zip(self.pairs or (), weights, self._scales(), strict=True):
            weight = scale * ratio
            losses[name] = scale_levels(losses[name], weight)
            losses[name.replace('loss', 'guided_weight')] = weight
        for module in self._learned:
            losses = module.weigh(losses)
        return losses

    def _sums(self, losses: dict) -> Tensor:
        """Sum the regression and the classification losses of each pair over levels, shape (2, P)."""
        if self.pairs is None:
            self.pairs = self._match(list(losses))
            print_log(f'GuidedLossHook: {self.pairs}', logger='current')
        missing = {name for pair in self.pairs.items() for name in (pair[0], *pair[1])} - set(losses)
        if missing or not self.pairs:
            raise ValueError(f'GuidedLossHook: found no {", ".join(sorted(missing)) or "pair"} among the losses '
                             f'{", ".join(losses)}; name them in pairs=dict(CLASSIFICATION=REGRESSION)')
        regression = [torch.stack([sum_levels(losses[partner]) for partner in partners])
                      for partners in self.pairs.values()]
        guides = [part.mean() if self.over_all else part.sum() for part in regression]
        return torch.stack([torch.stack(guides), torch.stack([sum_levels(losses[name]) for name in self.pairs])])

    def _match(self, names: list[str]) -> dict[str, tuple[str, ...]]:
        """Pair losses by name."""
        pairs = (match_all if self.over_all else match_pairs)(names)
        left = unpaired(names, pairs)
        if left or not pairs:
            raise ValueError(f'GuidedLossHook: no regression loss goes with {", ".join(left) or "any loss"} among the '
                             f'losses {", ".join(names)}; name what shall be guided, and by what, in pairs=dict('
                             f'{", ".join(f"{name}={partners!r}" for name, partners in pairs.items()) or "..."}); a '
                             'loss that it does not name is left alone')
        return pairs

    def _scales(self) -> list[float]:
        """List w_cls for each pair."""
        if not isinstance(self.scale, Mapping):
            return [self.scale] * len(self.pairs or ())
        unknown = set(self.scale) - set(self.pairs or ())
        if unknown:
            raise ValueError(f'GuidedLossHook: scale names {", ".join(sorted(unknown))}; the guided losses are '
                             f'{", ".join(self.pairs or ())}')
        return [self.scale.get(name, 1.0) for name in self.pairs or ()]
