"""A data set of noise in memory, to train a step of any detector on."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from torch.utils.data import Dataset


@DATASETS.register_module()
class RandomDetections(Dataset):
    """Two images of noise with boxes, masks, proposals and semantic labels, in memory.

    Args:
        num_classes: Classes of the boxes.
        side: Width and height of the images, in pixels.
        stride: Pixels per cell of the semantic labels.
        with_masks: Whether boxes have masks.
        branches: For semi-supervised detectors, the branches that each get the image; empty for others.
        seed: Seed.
    """

    def __init__(self, num_classes: int, side: int, stride: int = 1, with_masks: bool = True,
                 branches: Sequence[str] = (), seed: int = 0) -> None:
        self.side, self.with_masks, self.branches = side, with_masks, branches
        self.metainfo = {'classes': tuple(f'class {index}' for index in range(num_classes))}
        rng = np.random.default_rng(seed)
        self.items = [self._item(rng, index, num_classes, stride) for index in range(2)]

    def _item(self, rng: np.random.Generator, index: int, num_classes: int, stride: int) -> dict:
        side = self.side
        corners = rng.integers(4, side // 2, (3, 2))
        boxes = np.concatenate([corners, corners + rng.integers(24, side // 2, (3, 2))], axis=1).astype(np.float32)
        labels = rng.integers(0, min(num_classes, 3), 3)
        masks = np.zeros((3, side, side), np.uint8)
        for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int), strict=True):
            mask[top:bottom, left:right] = 1
        boxes = torch.from_numpy(boxes)
        sample = DetDataSample(
            gt_instances=InstanceData(bboxes=boxes, labels=torch.from_numpy(labels)),
            ignored_instances=InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)),
            proposals=InstanceData(bboxes=torch.cat([boxes, boxes + 4]).clamp(max=side), scores=torch.rand(6)),
            gt_sem_seg=PixelData(sem_seg=torch.from_numpy(rng.integers(0, 3, (1, side // stride, side // stride)))))
        if self.with_masks:
            sample.gt_instances.masks = BitmapMasks(masks, side, side)
        sample.set_metainfo(dict(img_id=index, img_path=f'{index}.png', img_shape=(side, side), ori_shape=(side, side),
                                 pad_shape=(side, side), batch_input_shape=(side, side), scale_factor=(1.0, 1.0), flip=False,
                                 homography_matrix=np.eye(3, dtype=np.float32),
                                 text='. '.join(f'class {number}' for number in range(3)), border=(0, side, 0, side)))
        return dict(inputs=torch.from_numpy(rng.integers(0, 256, (3, side, side), dtype=np.uint8)), data_samples=sample)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict:
        item = copy.deepcopy(self.items[index])
        if not self.branches:
            return item
        return {key: {branch: copy.deepcopy(value) for branch in self.branches} for key, value in item.items()}

    def get_data_info(self, index: int) -> dict:
        """Return what mmdet's data sets know of an image."""
        sample = self.items[index]['data_samples']
        boxes = zip(sample.gt_instances.bboxes.tolist(), sample.gt_instances.labels.tolist(), strict=True)
        return dict(img_id=index, img_path=f'{index}.png', width=self.side, height=self.side,
                    instances=[dict(bbox=box, bbox_label=label, ignore_flag=0) for box, label in boxes])
