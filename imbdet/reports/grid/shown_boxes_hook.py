"""ShownBoxesHook: counts the boxes that a training shows to the detector."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner

SHOWN_BOXES = 'shown_boxes'
"""Name of the count in mmengine's message hub, which each checkpoint contains and a resumed training continues."""


class ShownBoxesHook(Hook):
    """Count the ground-truth boxes of all iterations on all ranks, with repeats, as the pipeline made them.

    Crowd and ignored boxes do not count. The count is part of each checkpoint, so that it is exact after a resume. A training
    that is resumed from a checkpoint without a count has none, because its earlier boxes are unknown.
    """

    def before_train(self, runner: Runner) -> None:
        """Begin to count.

        Args:
            runner: The runner of the training.
        """
        if runner.iter == 0:
            runner.message_hub.update_info(SHOWN_BOXES, 0)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Count the boxes of a batch.

        Args:
            runner: The runner of the training.
            batch_idx: Not used.
            data_batch: The batch; its ``data_samples`` are mmdet's data samples.
        """
        before = runner.message_hub.runtime_info.get(SHOWN_BOXES)
        if before is None:
            return
        count = torch.tensor(sum(len(sample.gt_instances) for sample in _data_samples(data_batch['data_samples'])))
        all_reduce(count)
        runner.message_hub.update_info(SHOWN_BOXES, before + int(count))


def _data_samples(content: Any) -> Iterator[Any]:
    """Yield the data samples of a batch: a list, or in semi-supervised training a list for each branch by name."""
    if isinstance(content, dict):
        for branch in content.values():
            yield from branch
    else:
        yield from content
