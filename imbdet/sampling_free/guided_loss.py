"""The hook that scales classification losses by the regression losses next to them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imbdet.heads.loss_pairs import match_pairs, unpaired
from imbdet.sampling_free.loss_ratio import guided_weight, sum_levels
from imbdet.training.detector_hook import DetectorHook


@HOOKS.register_module()
class GuidedLossHook(DetectorHook):
    r"""Scale each classification loss to the magnitude of the regression loss next to it.

    .. math:: L = L_{reg} + w_{cls}\, r\, L_{cls},\qquad r = L_{reg} / L_{cls}

    without gradient through r (arXiv 1909.04868, guided loss scaling). Both losses, with the loss weights of the config,
    are summed over levels and over all ranks, in float32, before they are divided, so that every rank has the same r.
    As r is computed in each iteration, the loss weight and the ``avg_factor`` of the classification cancel; those of the
    regression do not. A batch without a positive on any rank has no regression loss: its classification weighs 0, unless r
    is frozen.

    The weight is logged under the name of its loss with ``guided_weight`` for ``loss``: ``guided_weight_cls``,
    ``guided_weight_rpn_cls``, ``s0.guided_weight_cls``. The averages of ``momentum`` and ``freeze_after`` are saved in
    checkpoints and continue when training is resumed.

    Args:
        pairs: Names of regression losses by the name of the classification loss that they guide, such as
            ``dict(loss_cls='loss_bbox')`` or ``dict(loss_conf=('loss_xy', 'loss_wh'))``; a loss that they do not name is left
            alone. None: matched by name, see :func:`~imbdet.heads.match_pairs`; a classification loss without a match is an
            error.
        scale: The weight w_cls, above 0.
        momentum: Use a moving average of r, in which the newest has this share, in (0, 1]. None: r as it is.
        freeze_after: Average r over this many iterations, at least 1, then keep it, as a later release of the authors does.

    Raises:
        ValueError: If an argument is out of range, or both ``momentum`` and ``freeze_after`` are given.

    Examples:
        >>> custom_hooks = [dict(type='GuidedLossHook')]
    """

    state_key = 'guided_loss'

    def __init__(self,
                 pairs: Mapping[str, str | Sequence[str]] | None = None,
                 scale: float = 1.0,
                 momentum: float | None = None,
                 freeze_after: int | None = None) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f'scale must be above 0, got {scale}')
        if momentum is not None and not 0 < momentum <= 1:
            raise ValueError(f'momentum must be in (0, 1], got {momentum}')
        if freeze_after is not None and freeze_after < 1:
            raise ValueError(f'freeze_after must be at least 1, got {freeze_after}')
        if momentum is not None and freeze_after is not None:
            raise ValueError('give momentum or freeze_after, not both: the first averages without end, the second stops')
        self.pairs = None if pairs is None else {
            name: (partners,) if isinstance(partners, str) else tuple(partners) for name, partners in pairs.items()}
        self.scale = scale
        self.momentum = momentum
        self.freeze_after = freeze_after
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
        yield detector.register_forward_hook(self._scale_losses, with_kwargs=True)

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
        sums = self._sums(losses)
        all_reduce(sums)  # always: a rank without positives must not leave the others waiting
        if self._average is None:
            start = [self._loaded.get(name, torch.zeros(2)) for name in self.pairs or ()]
            self._average = torch.stack(start, dim=1).to(sums)
        weights, self._average = guided_weight(sums[0], sums[1], self._average, self.momentum, self.freeze_after)
        losses = dict(losses)
        for name, weight in zip(self.pairs or (), self.scale * weights, strict=True):
            loss = losses[name]
            losses[name] = loss * weight if isinstance(loss, Tensor) else [part * weight for part in loss]
            losses[name.replace('loss', 'guided_weight')] = weight
        return losses

    def _sums(self, losses: dict) -> Tensor:
        """Sum the regression and the classification losses of each pair over levels, shape (2, P)."""
        if self.pairs is None:
            self.pairs = match_pairs(list(losses))
            left = unpaired(list(losses), self.pairs)
            if left or not self.pairs:
                raise ValueError(f'GuidedLossHook: no regression loss goes with {", ".join(left) or "any loss"} among the '
                                 f'losses {", ".join(losses)}; name what shall be guided, and by what, in pairs=dict('
                                 f'{", ".join(f"{name}={partners!r}" for name, partners in self.pairs.items()) or "..."}); a '
                                 'loss that it does not name is left alone')
            print_log(f'GuidedLossHook: {self.pairs}', logger='current')
        missing = {name for pair in self.pairs.items() for name in (pair[0], *pair[1])} - set(losses)
        if missing or not self.pairs:
            raise ValueError(f'GuidedLossHook: found no {", ".join(sorted(missing)) or "pair"} among the losses '
                             f'{", ".join(losses)}; name them in pairs=dict(CLASSIFICATION=REGRESSION)')
        regression = [torch.stack([sum_levels(losses[partner]) for partner in partners]).sum()
                      for partners in self.pairs.values()]
        return torch.stack([torch.stack(regression), torch.stack([sum_levels(losses[name]) for name in self.pairs])])
