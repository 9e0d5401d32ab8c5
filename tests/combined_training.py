"""Tiny trainings with any of the four methods, on image pairs, few of them rare."""

import json

import numpy as np

from .dataset_equity.write_likelihoods import write_for
from .mipa.paired_training import model_config, training_config
from .mipa.pairs_of_images import paired_dataset, write_pairs
from .tiny_detectors import tiny_detector

METHODS = ('sampler', 'sampling_free', 'equity', 'mipa')
THRESHOLD = 0.4
RARE = 2
"""Class of one box alone, the first of the set."""


def write_rare_pairs(folder, num_boxes, likelihoods=None):
    """Write pairs whose first box alone is of the rare class, and a file of likelihoods.

    Args:
        folder: Where to write.
        num_boxes: Boxes in each of the images.
        likelihoods: Likelihood of each image's appearance. None: evenly spread from 0 to 1.
    """
    write_pairs(folder, len(num_boxes), num_boxes=num_boxes)
    content = json.loads((folder / 'train.json').read_text())
    for index, annotation in enumerate(content['annotations']):
        annotation['category_id'] = index % 2 if index else RARE
    (folder / 'train.json').write_text(json.dumps(content))
    write_likelihoods(folder, np.linspace(0, 1, len(num_boxes)) if likelihoods is None else likelihoods)
    return folder


def write_likelihoods(folder, likelihoods):
    """Write the likelihoods of the images in a folder of pairs."""
    return write_for(folder, likelihoods, paths=np.array([f'visible/{index}.png' for index in range(len(likelihoods))]))


def hooks_of(folder, methods, num_batches):
    """Configs of the hooks of some methods."""
    hooks = []
    if 'sampling_free' in methods:
        hooks += [dict(type='OptimalBiasInitHook', num_batches=num_batches), dict(type='GuidedLossHook')]
    if 'equity' in methods:
        hooks.append(dict(type='DatasetEquityHook', likelihoods=str(folder / 'equity.npz'), normalize='dataset'))
    return hooks


def combined_config(folder, methods, batch_size=5, ir_ratio='uniform', gamma=0.1, num_batches=2, **keys):
    """Config of one epoch of a tiny RetinaNet with some of the methods, without flips.

    Without MiPa it trains on the visible images of the pairs. ``num_batches`` is OptimalBiasInitHook's.
    """
    if 'mipa' in methods:
        model = model_config('retinanet', 8, 1, dict(ir_ratio=ir_ratio), gamma=gamma, epoch_length=1)
    else:
        model = tiny_detector('retinanet')
    if 'sampling_free' in methods:
        model.get('detector', model).bbox_head.loss_cls = dict(type='CrossEntropyLoss', use_sigmoid=True)
    dataset = paired_dataset(folder, modality='pair' if 'mipa' in methods else 'rgb',
                             filter_cfg=dict(filter_empty_gt=False))
    config = training_config(folder, model, max_epochs=1, **keys)
    config.train_dataloader.update(batch_size=batch_size, dataset=dataset)
    if 'sampler' in methods:
        config.train_dataloader.sampler = dict(type='RepeatFactorSampler', method='irfs', threshold=THRESHOLD)
    config.custom_hooks = hooks_of(folder, methods, num_batches)
    return config
