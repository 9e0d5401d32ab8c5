"""Building a detector family of mmdet's small enough to try, with a training set and a batch."""

import copy
import functools
import itertools
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import mmdet
import numpy as np
import torch
from mmdet.models import SemiBaseDetector
from mmdet.models.backbones.trident_resnet import TridentConv
from mmdet.models.dense_heads import PAAHead
from mmdet.registry import MODELS
from mmdet_families import FAMILIES
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.runner import Runner
from random_detections import RandomDetections

from imbdet.heads import find_heads

CONFIGS = Path(mmdet.__file__).parent / '.mim/configs'
SEMANTIC_STRIDE = {'htc': 8, 'detectors': 8, 'scnet': 8}
"""Families whose pipelines give semantic labels in cells of so many pixels."""
MOST = {'num_queries': 100, 'max_per_img': 100, 'num': 64, 'num_proposals': 100}
"""What is cut down: queries of DETRs, proposals and their samples of R-CNNs."""
RUNS = itertools.count()


class Family(NamedTuple):
    """A detector with all that a hook asks for.

    Attributes:
        name: Name of the family.
        detector: The detector.
        runner: A runner with its training set.
        batch: A batch as the data loader gives it.
        is_tested: Whether the suite tests all of its heads.
    """

    name: str
    detector: BaseModel
    runner: Runner
    batch: dict
    is_tested: bool

    @property
    def supported(self) -> str:
        """What the table says of a hook that supports the family."""
        return 'tested' if self.is_tested else 'yes'


def shrink(config: Any) -> None:
    """Take out of a model's config what loads weights, mixes batches, needs several GPUs, or is large; in place."""
    if isinstance(config, list | tuple):
        for value in config:
            shrink(value)
    if not isinstance(config, dict):
        return
    for key in ('init_cfg', 'pretrained', 'batch_augments', 'teacher_ckpt'):
        config.pop(key, None)
    config.update({key: most for key, most in MOST.items() if isinstance(config.get(key), int) and config[key] > most})
    if config.get('type') == 'SyncBN':
        config['type'] = 'BN'
    if config.get('eps') == 0:  # NAS-FCOS's; torch 2.11 refuses it
        config['eps'] = 1e-5
    if 'teacher_config' in config:
        config['teacher_config'] = str(CONFIGS / config['teacher_config'].removeprefix('configs/'))
    for value in config.values():
        shrink(value)


def build_family(name: str) -> Family:
    """Build a detector and its training set.

    Args:
        name: One of ``FAMILIES``.

    Returns:
        The family.
    """
    config = Config.fromfile(CONFIGS / name.split(' ')[0] / f'{FAMILIES[name]}.py')
    shrink(config.model)
    torch.manual_seed(0)
    detector = MODELS.build(config.model)
    detector.init_weights()
    teacher = getattr(detector, 'teacher_model', None)  # LAD's is none of its modules, to stay out of its checkpoints
    for module in itertools.chain(detector.modules(), teacher.modules() if teacher else ()):
        if isinstance(module, TridentConv):  # comes from a checkpoint or is left as the memory was
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, PAAHead):
            # mmdet fits two normal distributions to its losses, in float32. One of them collapses on a single loss if losses
            # are large, as those of a deep backbone with random weights. Scores of almost 0 have small ones.
            torch.nn.init.normal_(module.atss_cls.weight, std=1e-4)
    heads = [head.module for head in find_heads(detector).values()]
    classes = [head.num_classes for head in heads if isinstance(getattr(head, 'num_classes', None), int)]
    side = 320 if 'ssd' in FAMILIES[name] else 128
    arguments = dict(num_classes=max(classes, default=80), side=side, stride=SEMANTIC_STRIDE.get(name, 1),
                     with_masks='with_mask=True' in config.pretty_text or 'Panoptic' in config.pretty_text,
                     branches=('sup', 'unsup_teacher', 'unsup_student') if isinstance(detector, SemiBaseDetector) else ())
    dataset = RandomDetections(**arguments)
    runner = _runner(detector, arguments)
    runner.message_hub.update_info('epoch', 0)  # which TOOD asks for; mmengine sets it in a training
    is_tested = {type(head) for head in heads} <= tested_heads() and bool(heads) and not isinstance(detector, SemiBaseDetector)
    return Family(name, detector, runner, pseudo_collate([dataset[0], dataset[1]]), is_tested)


@functools.cache
def tested_heads() -> set[type]:
    """The classes of heads that the test suite compares with independent computations."""
    from tests.tiny_detectors import DETECTORS, tiny_detector
    return {type(head.module) for name in DETECTORS for head in find_heads(MODELS.build(tiny_detector(name))).values()}


def _runner(detector: BaseModel, arguments: dict) -> Runner:
    return Runner(
        detector, tempfile.mkdtemp(), default_scope='mmdet', experiment_name=f'family_{next(RUNS)}', log_level='ERROR',
        train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                              collate_fn=dict(type='pseudo_collate'), dataset=dict(type='RandomDetections', **arguments)),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0)),
        cfg=Config(dict(train_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                                              collate_fn=dict(type='pseudo_collate')))))


def training_losses(family: Family) -> dict[str, Any]:
    """Compute the losses of the batch; the same numbers each time."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    detector = family.detector
    detector.train()
    return detector(**detector.data_preprocessor(copy.deepcopy(family.batch), True), mode='loss')


def detect(family: Family) -> list[Any]:
    """Detect in one image, as guided anchors want it."""
    family.detector.eval()
    batch = copy.deepcopy(family.batch)
    one = {key: (value['sup'] if isinstance(value, dict) else value)[:1] for key, value in batch.items()}  # of branches
    with torch.no_grad():
        return family.detector.test_step(one)
