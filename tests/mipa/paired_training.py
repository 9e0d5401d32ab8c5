"""Training tiny detectors on a few pairs."""

import itertools

from mmengine.config import Config
from mmengine.runner import Runner

import imbdet  # noqa: F401  registers what is built here, in spawned processes too

from ..tiny_detectors import tiny_detector
from .pairs_of_images import paired_dataset

RUNS = itertools.count()  # mmengine gives runners of one name one logger
# Patches of Swin's embedding do not overlap. As of DINO's backbone, the first output has stride 8.
SWIN = dict(
    backbone=dict(_delete_=True, type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 4),
                  window_size=4, out_indices=(1, 2, 3)),
    neck=dict(_delete_=True, type='FPN', in_channels=[16, 32, 64], out_channels=16, num_outs=3))
STATISTICS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], ir_mean=[120.0] * 3, ir_std=[40.0] * 3)


def model_config(name, patch_size=8, stage=None, preprocessor=None, **head):
    """Config of a tiny detector on mixed patches; with ``stage``, as a ModalityAgnosticDetector."""
    detector = tiny_detector('faster-rcnn', **SWIN) if name == 'swin' else tiny_detector(name)
    detector.data_preprocessor = dict(type='MiPaDataPreprocessor', patch_size=patch_size, bgr_to_rgb=True,
                                      pad_size_divisor=32, **STATISTICS, **(preprocessor or {}))
    if stage is None:
        return detector
    first = 0 if name in ('dino', 'swin') else -1  # the others' first output has stride 4
    stride = 8 * 2**(stage + first)
    channels = [8, 16, 32, 64][stage + first + 1]
    return dict(type='ModalityAgnosticDetector', detector=detector, stage=stage, modality_head=dict(
        type='PatchModalityHead', in_channels=channels, stride=stride, patch_size=patch_size, feat_channels=16, **head))


def training_config(folder, model, max_epochs=2, datasets=None, seed=0, **keys):
    """Config of a training on the pairs in a folder, by epochs of as many iterations as there are pairs of images."""
    pairs = paired_dataset(folder, dict(type='RandomFlip', prob=0.5))
    return Config(dict(
        default_scope='mmdet',
        model=model,
        work_dir=str(folder / 'work'),
        train_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=pairs if datasets is None else dict(type='ConcatDataset', datasets=datasets)),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=max_epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01), clip_grad=dict(max_norm=1.0)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1),
                           checkpoint=dict(type='CheckpointHook', interval=1)),
        log_level='WARNING',
        randomness=dict(seed=seed),
        experiment_name=f'pairs_{next(RUNS)}',
        **keys), format_python_code=False)  # formatting takes longer than training


def make_runner(folder, model, **keys):
    """Make the runner of :func:`training_config`."""
    return Runner.from_cfg(training_config(folder, model, **keys))


def evaluated(folder):
    """Keys of a config that evaluates every pair by each camera."""
    resize = dict(type='Resize', scale=(128, 96))
    datasets = [paired_dataset(folder, resize, modality=modality, test_mode=True) for modality in ('rgb', 'ir')]
    return dict(
        val_dataloader=dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                            dataset=dict(type='ConcatDataset', datasets=datasets)),
        val_evaluator=dict(type='ModalityMetric', metric=dict(
            type='CocoMetric', ann_file=str(folder / 'train.json'), metric='bbox')),
        val_cfg=dict(type='ValLoop'))
