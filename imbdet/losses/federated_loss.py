"""Federated loss: only some of the classes that a batch does not show count as its negatives."""

from typing import Any, Literal

import torch
from mmdet.registry import MODELS
from torch import Tensor
from torch.nn import functional

from imbdet.losses.federated_classes import draw_classes
from imbdet.losses.running_statistics import RunningStatistics
from imbdet.losses.sigmoid_scores import SigmoidScores
from imbdet.losses.wrapped_loss import WrappedLoss

IMPROBABLE = -1e4
"""Logit of a class that does not count: as a negative its loss and its gradient are 0, in half precision too."""


@MODELS.register_module()
class FederatedLoss(WrappedLoss):
    r"""Leave out of a loss of sigmoids the classes that are not known to be absent.

    ``negatives='sampled'``, the loss of CenterNet2 (Zhou et al., arXiv 2103.07461): in each step the classes of the batch
    count, and others that are drawn with probabilities proportional to :math:`n_c^\rho`, until there are ``num_kept``. The
    draw is the same for all levels, decoder layers and ranks.

    ``negatives='listed'``: a class counts in an image if the image shows it or the annotations list it as absent
    (``neg_category_ids`` of LVIS). A class of ``not_exhaustive_category_ids``, whose objects may lack boxes, has positives
    but no negatives in that image. This is what LVIS's evaluation counts; mmdet drops the lists. Here the gradient leaves
    these classes out; the loss that is logged is that of all classes.

    What counts is decided before the loss, by :class:`imbdet.losses.FederationHook`, which is put in by itself.

    Args:
        loss: Config of a loss of sigmoids, such as ``FocalLoss``, or ``CrossEntropyLoss`` with ``use_sigmoid=True``. In box
            heads it gets C outputs.
        negatives: ``'sampled'`` or ``'listed'``.
        num_kept: Classes that count in a step, at least 1, for ``'sampled'``; all of them if the batch shows more.
        power: :math:`\rho`, at least 0; :math:`n_c` are the training images of a class.
        seed: Seed of the draws.
        use_sigmoid: Must be true; dense heads read it here.

    Raises:
        ValueError: If an argument is out of range, or the loss is none of sigmoids, or adds up gradients of its own.

    Examples:
        >>> bbox_head = dict(loss_cls=dict(_delete_=True, type='FederatedLoss', use_sigmoid=True, loss=dict(
        ...     type='FocalLoss', use_sigmoid=True)))
    """

    def __init__(self,
                 loss: dict,
                 negatives: Literal['sampled', 'listed'] = 'sampled',
                 num_kept: int = 50,
                 power: float = 0.5,
                 seed: int = 0,
                 use_sigmoid: bool = True) -> None:
        super().__init__(loss, use_sigmoid)
        if not use_sigmoid:
            raise ValueError('FederatedLoss needs a loss of sigmoids: use_sigmoid must be True')
        if negatives not in ('sampled', 'listed'):
            raise ValueError(f"negatives must be 'sampled' or 'listed', got {negatives!r}")
        if negatives == 'listed' and isinstance(self.loss, RunningStatistics):
            raise ValueError(f"FederatedLoss: {type(self.loss).__name__} adds up its own gradients, which negatives='listed' "
                             "does not reach; use 'sampled'")
        if num_kept < 1:
            raise ValueError(f'num_kept must be at least 1, got {num_kept}')
        if power < 0:
            raise ValueError(f'power must be at least 0, got {power}')
        self.negatives = negatives
        self.num_kept = num_kept
        self.power = power
        self.seed = seed
        self._kept: Tensor | None = None
        self._sigmoids = SigmoidScores()

    @property
    def answering(self) -> Any:
        """Who answers what heads ask: the loss, or in its place sigmoids."""
        return self.loss if hasattr(self.loss, 'get_cls_channels') else self._sigmoids

    def start_step(self, shown: Tensor, step: int) -> None:
        """Draw the classes that count in a step.

        Args:
            shown: Whether the batch of any rank shows each class, shape (C,), bool.
            step: Number of the step, for the seed.
        """
        images = self.class_counts('images', len(shown), torch.device('cpu'))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        self._kept = draw_classes(shown.cpu(), images.pow(self.power), self.num_kept, generator)

    def classes_of(self, num_outputs: int) -> int:
        """Return the classes C of a head with K outputs, of which one may be a background's."""
        return self.loss.classes_of(num_outputs) if isinstance(self.loss, SigmoidScores) else num_outputs

    def changed(self, pred: Tensor, target: Any, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the predictions, those of classes improbable that do not count, and the weights as they are.

        Raises:
            RuntimeError: If nothing was drawn for this step.
        """
        if self.negatives == 'listed' or not torch.is_grad_enabled():
            return pred, weight
        if self._kept is None:
            raise RuntimeError('FederatedLoss: no classes were drawn; train with a Runner, where FederationHook calls '
                               'start_step, or call it')
        self._kept = self._kept.to(pred.device)
        left_out = functional.pad(~self._kept, (0, pred.shape[1] - len(self._kept)))  # not a background
        return pred.masked_fill(left_out, IMPROBABLE), weight

    def forward(self, pred: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        """Compute the loss; see :meth:`WrappedLoss.forward`. In box heads, ``'none'`` gives a loss of each row."""
        loss = super().forward(pred, *arguments, **keywords)
        return loss.sum(dim=1) if loss.dim() == 2 and self.answering.box_classes is not None else loss
