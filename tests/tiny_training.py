"""Training tiny detectors on a few small images."""

import itertools
import json

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner

import imbdet  # noqa: F401  registers the hooks, in spawned processes too

CLASSES = ('a', 'b', 'c')
RUNS = itertools.count()  # mmengine gives runners of one name one logger and one visualizer


def write_training_set(folder, num_images=8, num_boxes=3, seed=0):
    """Write images of 128 x 96 pixels with boxes and polygons at random places; return the boxes of each image.

    Args:
        folder: Where images/ and train.json shall be.
        num_images: Number of images.
        num_boxes: Boxes in each image, or how many in each of the images.
        seed: Seed.
    """
    rng = np.random.default_rng(seed)
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    images, annotations, boxes = [], [], {}
    for image_id, number in enumerate(np.broadcast_to(num_boxes, num_images)):
        name = f'{image_id}.png'
        cv2.imwrite(str(folder / 'images' / name), rng.integers(0, 255, (96, 128, 3), dtype=np.uint8))
        images.append({'id': image_id, 'file_name': name, 'width': 128, 'height': 96})
        boxes[image_id] = np.stack([rng.integers(0, 80, number), rng.integers(0, 50, number),
                                    rng.integers(12, 48, number), rng.integers(12, 46, number)], axis=1)
        for x, y, width, height in boxes[image_id].tolist():
            annotations.append({'id': len(annotations), 'image_id': image_id, 'iscrowd': 0, 'area': width * height,
                                'category_id': int(rng.integers(0, 3)), 'bbox': [x, y, width, height],
                                'segmentation': [[x, y, x + width, y, x + width, y + height, x, y + height]]})
    (folder / 'train.json').write_text(json.dumps({
        'images': images, 'annotations': annotations,
        'categories': [{'id': index, 'name': name} for index, name in enumerate(CLASSES)]}))
    return boxes


def training_config(folder, model, hooks=(), max_iters=2, lr=0.01, flip=0.5, **keys):
    """Make a config that trains a detector on the set in a folder, without validation."""
    masks = 'mask_head' in model.get('roi_head', {})
    config = Config(dict(
        default_scope='mmdet',
        model=model,
        work_dir=str(folder / 'work'),
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(
                type='CocoDataset', data_root=str(folder), ann_file='train.json', data_prefix=dict(img='images/'),
                metainfo=dict(classes=CLASSES), filter_cfg=dict(filter_empty_gt=False),
                pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=masks),
                          dict(type='Resize', scale=(128, 96)), dict(type='RandomFlip', prob=float(flip)),
                          dict(type='PackDetInputs')])),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=max_iters),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=lr), clip_grad=dict(max_norm=1.0)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1),
                           checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=False)),
        log_processor=dict(type='LogProcessor', by_epoch=False),
        log_level='WARNING',
        randomness=dict(seed=0),
        custom_hooks=list(hooks)), format_python_code=False)  # formatting takes longer than training
    for key, value in keys.items():
        config[key] = value
    return config


def make_runner(folder, model, hooks=(), **keys):
    """Make the runner of :func:`training_config`."""
    config = training_config(folder, model, hooks, **keys)
    config.experiment_name = f'run_{next(RUNS)}'
    return Runner.from_cfg(config)


def scalars(work_dir):
    """What the runs in a work directory logged, by iteration, earlier runs first."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))  # in folders named by time; of one second, in one file
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]
