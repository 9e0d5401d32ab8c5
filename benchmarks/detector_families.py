"""Try every hook on every detector family of mmdet's configs, and write the table of what is served.

    python benchmarks/detector_families.py [--only retinanet detr] [--out docs/detector_families.md]

Each family is one config of mmdet's, built with its own backbone and random weights, in one training step on two images of
128 x 128 pixels. The table says for each hook whether it serves the family, refuses it (with the message), or fails; and checks
what it serves: DatasetEquityHook with equal weights has to scale every gradient of the losses that it weights by just that
weight, GuidedLossHook has to guide every classification loss. Takes about 20 minutes on two cores.
"""

import argparse
import copy
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imbdet  # first: it says what an installation lacks and how to fix it

# isort: split
import mmdet
import numpy as np
import torch
from mmdet.registry import DATASETS, MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData
from torch.utils.data import Dataset

CONFIGS = Path(mmdet.__file__).parent / '.mim/configs'
SIDE = 128
FAMILIES = {
    'atss': 'atss_r50_fpn_1x_coco', 'autoassign': 'autoassign_r50-caffe_fpn_1x_coco', 'boxinst': 'boxinst_r50_fpn_ms-90k_coco',
    'carafe': 'faster-rcnn_r50_fpn-carafe_1x_coco', 'cascade_rcnn': 'cascade-rcnn_r50_fpn_1x_coco',
    'cascade_rpn': 'cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco', 'centernet': 'centernet_r18_8xb16-crop512-140e_coco',
    'centernet (update)': 'centernet-update_r50-caffe_fpn_ms-1x_coco',
    'centripetalnet': 'centripetalnet_hourglass104_16xb6-crop511-210e-mstest_coco', 'condinst': 'condinst_r50_fpn_ms-poly-90k_coco_instance',
    'conditional_detr': 'conditional-detr_r50_8xb2-50e_coco', 'cornernet': 'cornernet_hourglass104_8xb6-210e-mstest_coco',
    'crowddet': 'crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman', 'dab_detr': 'dab-detr_r50_8xb2-50e_coco',
    'dcn': 'faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco', 'dcnv2': 'faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco', 'ddod': 'ddod_r50_fpn_1x_coco',
    'ddq': 'ddq-detr-4scale_r50_8xb2-12e_coco', 'deformable_detr': 'deformable-detr_r50_16xb2-50e_coco',
    'deformable_detr (two-stage)': 'deformable-detr-refine-twostage_r50_16xb2-50e_coco', 'detectors': 'htc_r50-rfp_1x_coco',
    'detr': 'detr_r18_8xb2-500e_coco', 'dino': 'dino-4scale_r50_8xb2-12e_coco', 'double_heads': 'dh-faster-rcnn_r50_fpn_1x_coco',
    'dyhead': 'atss_r50_fpn_dyhead_1x_coco', 'dynamic_rcnn': 'dynamic-rcnn_r50_fpn_1x_coco',
    'efficientnet': 'retinanet_effb3_fpn_8xb4-crop896-1x_coco', 'empirical_attention': 'faster-rcnn_r50-attn0010_fpn_1x_coco',
    'fast_rcnn': 'fast-rcnn_r50_fpn_1x_coco', 'faster_rcnn': 'faster-rcnn_r50_fpn_1x_coco', 'fcos': 'fcos_r50-caffe_fpn_gn-head_1x_coco',
    'foveabox': 'fovea_r50_fpn_4xb4-1x_coco', 'fpg': 'faster-rcnn_r50_fpg_crop640-50e_coco', 'free_anchor': 'freeanchor_r50_fpn_1x_coco',
    'fsaf': 'fsaf_r50_fpn_1x_coco', 'gcnet': 'mask-rcnn_r50-syncbn_fpn_1x_coco', 'gfl': 'gfl_r50_fpn_1x_coco',
    'ghm': 'retinanet_r50_fpn_ghm-1x_coco', 'glip': 'glip_atss_swin-t_a_fpn_dyhead_pretrain_obj365', 'gn': 'mask-rcnn_r50_fpn_gn-all_2x_coco',
    'gn+ws': 'faster-rcnn_r50_fpn_gn-ws-all_1x_coco', 'grid_rcnn': 'grid-rcnn_r50_fpn_gn-head_1x_coco',
    'groie': 'faster-rcnn_r50_fpn_groie_1x_coco', 'grounding_dino': 'grounding_dino_r50_scratch_8xb2_1x_coco',
    'guided_anchoring': 'ga-faster-rcnn_r50_fpn_1x_coco', 'guided_anchoring (RetinaNet)': 'ga-retinanet_r50_fpn_1x_coco',
    'hrnet': 'fcos_hrnetv2p-w18-gn-head_4xb4-1x_coco', 'htc': 'htc_r50_fpn_1x_coco', 'instaboost': 'mask-rcnn_r50_fpn_instaboost-4x_coco',
    'lad': 'lad_r101-paa-r50_fpn_2xb8_coco_1x', 'ld': 'ld_r18-gflv1-r101_fpn_1x_coco', 'libra_rcnn': 'libra-faster-rcnn_r50_fpn_1x_coco',
    'libra_rcnn (RetinaNet)': 'libra-retinanet_r50_fpn_1x_coco', 'lvis': 'mask-rcnn_r50_fpn_sample1e-3_ms-1x_lvis-v1',
    'mask2former': 'mask2former_r50_8xb2-lsj-50e_coco', 'mask_rcnn': 'mask-rcnn_r50_fpn_1x_coco', 'maskformer': 'maskformer_r50_ms-16xb1-75e_coco',
    'ms_rcnn': 'ms-rcnn_r50_fpn_1x_coco', 'nas_fcos': 'nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco',
    'nas_fpn': 'retinanet_r50_nasfpn_crop640-50e_coco', 'objects365': 'retinanet_r50_fpn_1x_objects365v1',
    'openimages': 'faster-rcnn_r50_fpn_32xb2-1x_openimages', 'paa': 'paa_r50_fpn_1x_coco', 'pafpn': 'faster-rcnn_r50_pafpn_1x_coco',
    'panoptic_fpn': 'panoptic-fpn_r50_fpn_1x_coco', 'pascal_voc': 'faster-rcnn_r50_fpn_1x_voc0712', 'pisa': 'faster-rcnn_r50_fpn_pisa_1x_coco',
    'pisa (RetinaNet)': 'retinanet-r50_fpn_pisa_1x_coco', 'pisa (SSD)': 'ssd300_pisa_coco', 'point_rend': 'point-rend_r50-caffe_fpn_ms-1x_coco',
    'pvt': 'retinanet_pvt-t_fpn_1x_coco', 'queryinst': 'queryinst_r50_fpn_1x_coco', 'regnet': 'retinanet_regnetx-800MF_fpn_1x_coco',
    'reppoints': 'reppoints-moment_r50_fpn_1x_coco', 'res2net': 'faster-rcnn_res2net-101_fpn_2x_coco',
    'resnest': 'faster-rcnn_s50_fpn_syncbn-backbone+head_ms-range-1x_coco', 'resnet_strikes_back': 'retinanet_r50-rsb-pre_fpn_1x_coco',
    'retinanet': 'retinanet_r50_fpn_1x_coco', 'rpn': 'rpn_r50_fpn_1x_coco', 'rtmdet': 'rtmdet_tiny_8xb32-300e_coco',
    'rtmdet (instances)': 'rtmdet-ins_tiny_8xb32-300e_coco', 'sabl': 'sabl-faster-rcnn_r50_fpn_1x_coco',
    'sabl (Cascade R-CNN)': 'sabl-cascade-rcnn_r50_fpn_1x_coco', 'sabl (RetinaNet)': 'sabl-retinanet_r50_fpn_1x_coco',
    'scnet': 'scnet_r50_fpn_1x_coco', 'scratch': 'faster-rcnn_r50-scratch_fpn_gn-all_6x_coco',
    'seesaw_loss': 'mask-rcnn_r50_fpn_seesaw-loss_random-ms-2x_lvis-v1', 'selfsup_pretrain': 'mask-rcnn_r50-swav-pre_fpn_1x_coco',
    'soft_teacher': 'soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco', 'solo': 'solo_r50_fpn_1x_coco',
    'solo (decoupled)': 'decoupled-solo_r50_fpn_1x_coco', 'solov2': 'solov2_r50_fpn_1x_coco', 'sparse_rcnn': 'sparse-rcnn_r50_fpn_1x_coco',
    'ssd': 'ssd300_coco', 'strong_baselines': 'mask-rcnn_r50_fpn_rpn-2conv_4conv1fc_syncbn-all_lsj-50e_coco',
    'swin': 'retinanet_swin-t-p4-w7_fpn_1x_coco', 'tood': 'tood_r50_fpn_1x_coco', 'tridentnet': 'tridentnet_r50-caffe_1x_coco',
    'v3det': 'faster_rcnn_r50_fpn_8x4_sample1e-3_v3det_2x', 'vfnet': 'vfnet_r50_fpn_1x_coco', 'wider_face': 'retinanet_r50_fpn_1x_widerface',
    'yolact': 'yolact_r50_1xb8-55e_coco', 'yolo': 'yolov3_d53_8xb8-320-273e_coco', 'yolof': 'yolof_r50-c5_8xb8-1x_coco',
    'yolox': 'yolox_tiny_8xb8-300e_coco',
}
"""A config for each folder of mmdet's configs that has a detector of its own, more than one where heads differ."""


@DATASETS.register_module()
class RandomDetections(Dataset):
    """Two images of noise with boxes, masks, proposals and semantic labels, in memory.

    Args:
        num_classes: Classes of the boxes.
        stride: Pixels per cell of the semantic labels.
        seed: Seed.
    """

    def __init__(self, num_classes: int, stride: int = 1, seed: int = 0) -> None:
        self.metainfo = {'classes': tuple(f'class {index}' for index in range(num_classes))}
        rng = np.random.default_rng(seed)
        self.items = [self._item(rng, index, num_classes, stride) for index in range(2)]

    @staticmethod
    def _item(rng: np.random.Generator, index: int, num_classes: int, stride: int) -> dict:
        corners = rng.integers(4, SIDE // 2, (3, 2))
        boxes = np.concatenate([corners, corners + rng.integers(24, SIDE // 2, (3, 2))], axis=1).astype(np.float32)
        labels = rng.integers(0, min(num_classes, 3), 3)
        masks = np.zeros((3, SIDE, SIDE), np.uint8)
        for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int), strict=True):
            mask[top:bottom, left:right] = 1
        boxes = torch.from_numpy(boxes)
        sample = DetDataSample(
            gt_instances=InstanceData(bboxes=boxes, labels=torch.from_numpy(labels), masks=BitmapMasks(masks, SIDE, SIDE)),
            ignored_instances=InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)),
            proposals=InstanceData(bboxes=torch.cat([boxes, boxes + 4]).clamp(max=SIDE), scores=torch.rand(6)),
            gt_sem_seg=PixelData(sem_seg=torch.from_numpy(rng.integers(0, 3, (1, SIDE // stride, SIDE // stride)))))
        sample.set_metainfo(dict(img_id=index, img_path=f'{index}.png', img_shape=(SIDE, SIDE), ori_shape=(SIDE, SIDE),
                                 pad_shape=(SIDE, SIDE), batch_input_shape=(SIDE, SIDE), scale_factor=(1.0, 1.0), flip=False,
                                 text='. '.join(f'class {number}' for number in range(3)), border=(0, SIDE, 0, SIDE)))
        return dict(inputs=torch.from_numpy(rng.integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)), data_samples=sample)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict:
        return copy.deepcopy(self.items[index])

    def get_data_info(self, index: int) -> dict:
        """Return what mmdet's data sets know of an image."""
        sample = self.items[index]['data_samples']
        boxes = zip(sample.gt_instances.bboxes.tolist(), sample.gt_instances.labels.tolist(), strict=True)
        return dict(img_id=index, img_path=f'{index}.png', width=SIDE, height=SIDE,
                    instances=[dict(bbox=box, bbox_label=label, ignore_flag=0) for box, label in boxes])
