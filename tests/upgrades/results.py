"""What a kept config and checkpoint give: the training that goes on from them, and detections."""

import json

import cv2
import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..tiny_training import scalars

UNSTEADY = {'time', 'data_time', 'memory'}


class Order(Hook):
    """Keep the images of each iteration."""

    def __init__(self):
        self.images = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.images.append([sample.img_id for sample in data_batch['data_samples']])


def read_config(folder, method, work_dir):
    """Read a kept config, and fill in what depends on where it lies."""
    config = Config.fromfile(folder / f'{method}.py', format_python_code=False)
    config.work_dir = str(work_dir)
    config.train_dataloader.dataset.data_root = str(folder)
    for hook in config.custom_hooks:
        if 'likelihoods' in hook:
            hook.likelihoods = str(folder / hook.likelihoods)
    return config


def resume(folder, method, work_dir):
    """Train for another epoch; return the images in their order, and what was logged."""
    config = read_config(folder, method, work_dir)
    config.update(resume=True, load_from=str(folder / f'{method}.pth'), experiment_name=str(work_dir))
    runner = Runner.from_cfg(config)
    order = Order()
    runner.register_hook(order)
    runner.train()
    logged = [{key: value for key, value in entry.items() if key not in UNSTEADY} for entry in scalars(work_dir)]
    return {'order': order.images, 'logged': logged}


def detect(folder, method, work_dir):
    """Detect in the first image; return what was found."""
    detector = MODELS.build(read_config(folder, method, work_dir).model)
    checkpoint = torch.load(folder / f'{method}.pth', map_location='cpu', weights_only=True)
    detector.load_state_dict(checkpoint['state_dict'], strict=True)
    image = cv2.imread(str(folder / 'visible/0.png'))
    size = dict(img_shape=image.shape[:2], ori_shape=image.shape[:2], scale_factor=(1.0, 1.0), modality='rgb')
    with torch.no_grad():
        found, = detector.eval().test_step({'inputs': [torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))],
                                            'data_samples': [DetDataSample(metainfo=size)]})
    return {name: values.tolist() for name, values in found.pred_instances.to_dict().items()}


def results(folder, method, work_dir):
    """Everything that a later release has to find again, as JSON holds it."""
    return json.loads(json.dumps({**resume(folder, method, work_dir), 'detections': detect(folder, method, work_dir)}))
