"""Measuring foreground priors: how many anchors a head's own assigner makes foreground on training batches."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from imbdet.heads import ClassificationHead
from imbdet.sampling_free.foreground_prior import count_foreground, foreground_prior
from imbdet.training import compute_losses


def measure_priors(detector: BaseModel, heads: Iterable[ClassificationHead], loader: DataLoader,
                   num_batches: int | None = None) -> dict[str, dict]:
    """Measure the foreground priors of heads on the first batches of a dataloader.

    Args:
        detector: The detector, not wrapped for distributed training. It stays as it was.
        heads: Heads of it, each with the name of its loss.
        loader: Dataloader of the training.
        num_batches: Batches to measure on, on each rank. None: a twentieth of an epoch, at most 50.

    Returns:
        By the head's name ``prior`` and what it was computed from: ``num_foreground``, ``num_anchors``, ``num_classes``.

    Raises:
        ValueError: If all anchors are foreground, or none is.
    """
    heads = list(heads)
    num_batches = min(num_batches or min(50, math.ceil(len(loader) / 20)), len(loader))
    print_log(f'measuring the foreground prior on {num_batches} batches', logger='current')
    batches = tqdm(itertools.islice(loader, num_batches), total=num_batches, unit='batch',
                   disable=None if is_main_process() else True)
    counts = measure_foreground(detector, heads, batches)
    records = {}
    for head in heads:
        foreground, anchors = counts[head.name]
        if not 0 < foreground < anchors:
            raise ValueError(f'{foreground} of {anchors} anchors of {head.name} are foreground in {num_batches} batches; '
                             'raise num_batches of OptimalBiasInitHook or give it the prior as a number')
        records[head.name] = {'prior': foreground_prior(foreground, anchors, head.num_classes),
                              'num_foreground': foreground, 'num_anchors': anchors, 'num_classes': head.num_classes}
    return records


@torch.no_grad()
def measure_foreground(detector: BaseModel, heads: Iterable[ClassificationHead],
                       batches: Iterable[Any]) -> dict[str, tuple[int, int]]:
    """Count what the heads' own assigners make foreground, summed over all ranks.

    The losses of the batches are computed without gradients. Modes and buffers of the detector stay as they were.

    Args:
        detector: The detector, not wrapped for distributed training.
        heads: Heads of it, each with the name of its loss.
        batches: Training batches as the detector's dataloader gives them; the same number on every rank.

    Returns:
        Foreground anchors and all anchors that are not ignored, by the head's name.
    """
    heads = list(heads)
    counts = {head.name: torch.zeros(2, dtype=torch.int64) for head in heads}
    handles = [head.loss.register_forward_pre_hook(_counter(head, counts[head.name]), with_kwargs=True)
               for head in heads if head.loss is not None]
    try:
        compute_losses(detector, batches)
    finally:
        for handle in handles:
            handle.remove()
    for count in counts.values():
        all_reduce(count)
    return {name: (int(count[0]), int(count[1])) for name, count in counts.items()}


def _counter(head: ClassificationHead, counts: Tensor) -> Any:
    """Make a forward pre-hook that adds what a call of the head's loss sees to the counts."""

    def count(_: nn.Module, arguments: tuple, keywords: dict) -> None:
        if keywords.get('reduction_override') == 'none':
            return  # scores of candidates, by which PAA assigns; no loss
        names = dict(zip(('pred', 'target', 'weight'), arguments, strict=False)) | keywords
        foreground, anchors = count_foreground(names['target'], names.get('weight'), head.num_classes,
                                               head.spec.objectness)
        counts.add_(torch.stack([foreground, anchors]).cpu())

    return count
