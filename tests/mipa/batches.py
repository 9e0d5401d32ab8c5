"""Batches of images and pairs without a data set, for tests of MiPaDataPreprocessor."""

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
IR_MEAN, IR_STD = [90.0, 91.0, 92.0], [30.0, 31.0, 32.0]


def build(**keys):
    return MODELS.build({**dict(type='MiPaDataPreprocessor', mean=MEAN, std=STD, ir_mean=IR_MEAN, ir_std=IR_STD,
                                bgr_to_rgb=True, patch_size=4, ir_ratio=0.5, seed=0), **keys})


def batch(*images, seed=0):
    """Images of (modality, height, width)."""
    rng = np.random.default_rng(seed)
    inputs, samples = [], []
    for index, (modality, height, width) in enumerate(images):
        channels = 6 if modality == 'pair' else 3
        inputs.append(torch.from_numpy(rng.integers(0, 256, (channels, height, width), dtype=np.uint8)))
        samples.append(DetDataSample(
            metainfo=dict(img_path=f'{index}.png', modality=modality, img_shape=(height, width)),
            gt_instances=InstanceData(bboxes=torch.tensor([[1., 2, 10, 12]]), labels=torch.tensor([0]))))
    return dict(inputs=inputs, data_samples=samples)


def normalized(image, mean, std):
    """As float32, R first."""
    return (image[[2, 1, 0]].float() - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
