"""A hook by which tests see what each process of a training did; configs import this module."""

import hashlib
import json
from pathlib import Path

import torch
from mmdet.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class RankRecords(Hook):
    """Write images, number of boxes, logged values and parameters of each iteration to ``rank_N.json`` in the work directory.

    Parameters are written as a checksum, before the first iteration, too. Next to them are the results of a validation or
    test.
    """

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.record: dict = dict(images=[], boxes=[], logged=[], parameters=[], results=None)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Note what the batch holds."""
        if batch_idx == 0:
            self._note_parameters(runner)
        self.record['images'].append([sample.img_id for sample in data_batch['data_samples']])
        self.record['boxes'].append(sum(len(sample.gt_instances) for sample in data_batch['data_samples']))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Note losses and parameters."""
        self.record['logged'].append({key: value.item() for key, value in outputs.items()})
        self._note_parameters(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Note the results."""
        self.record['results'] = metrics

    after_test_epoch = after_val_epoch

    def after_run(self, runner: Runner) -> None:
        """Write the file."""
        (Path(runner.work_dir) / f'rank_{get_rank()}.json').write_text(json.dumps(self.record))

    def _note_parameters(self, runner: Runner) -> None:
        everything = torch.cat([parameter.detach().flatten() for parameter in runner.model.parameters()])
        self.record['parameters'].append(hashlib.sha256(everything.numpy().tobytes()).hexdigest())
