"""mmdet's detectors, of three classes and so small that a training step takes a fraction of a second on a CPU."""

import copy
from pathlib import Path

import mmdet
from mmengine.config import Config

MMDET_CONFIGS = Path(mmdet.__file__).parent / '.mim/configs'
BACKBONE = dict(_delete_=True, type='ResNet', depth=18, base_channels=8, norm_eval=False)
FPN = dict(_delete_=True, type='FPN', in_channels=[8, 16, 32, 64], out_channels=16, start_level=1, num_outs=3)
LEVELS = dict(backbone=BACKBONE, neck=FPN)
HEAD = dict(num_classes=3, in_channels=16, feat_channels=16)
ANCHORS = dict(strides=[8, 16, 32])
ANCHORED = dict(LEVELS, bbox_head=dict(HEAD, stacked_convs=1, anchor_generator=ANCHORS,
                                       norm_cfg=dict(type='GN', num_groups=4)))
RPN_HEAD = dict(in_channels=16, feat_channels=16, anchor_generator=dict(ANCHORS, scales=[3]))
ROI_HEAD = dict(type='Shared2FCBBoxHead', in_channels=16, fc_out_channels=32, num_classes=3)
ROI_FEATURES = dict(out_channels=16, featmap_strides=[8, 16, 32])
PROPOSALS = dict(nms_pre=100, max_per_img=50)

# Darknet and VGG are slow to build; heads of YOLOv3 and SSD do as well on a small ResNet.
LAST_THREE = dict(BACKBONE, out_indices=(1, 2, 3))


def transformer(width=32):
    """The parts that DETRs share."""
    feed_forward = dict(embed_dims=width, feedforward_channels=32)
    attention = dict(embed_dims=width)
    return dict(
        num_queries=20,
        encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=feed_forward)),
        decoder=dict(num_layers=2,
                     layer_cfg=dict(self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=feed_forward)),
        positional_encoding=dict(num_feats=width // 2),
        bbox_head=dict(num_classes=3, embed_dims=width))


def multi_scale(width=32, **keys):
    """A DETR on several levels."""
    return dict(transformer(width), backbone=LAST_THREE,
                neck=dict(in_channels=[16, 32, 64], out_channels=width, norm_cfg=dict(num_groups=4)), **keys)


def rcnn(num_stages=1, **roi_head):
    """The parts that R-CNN detectors share, with one box head or one for each stage."""
    one = num_stages == 1
    bbox_heads = ROI_HEAD if one else [
        dict(ROI_HEAD, bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0.] * 4, target_stds=[0.1] * 4),
             reg_class_agnostic=True, loss_cls=dict(type='CrossEntropyLoss', loss_weight=1.0),
             loss_bbox=dict(type='SmoothL1Loss', loss_weight=1.0)) for _ in range(num_stages)]
    return dict(LEVELS, rpn_head=RPN_HEAD,
                roi_head=dict(bbox_roi_extractor=ROI_FEATURES, bbox_head=bbox_heads, **roi_head),
                train_cfg=dict(rpn_proposal=PROPOSALS), test_cfg=dict(rpn=PROPOSALS))


# The mmdet config that each comes from, and what is changed in it.
DETECTORS = {
    'retinanet': ('retinanet/retinanet_r50_fpn_1x_coco.py',
                  dict(LEVELS, bbox_head=dict(HEAD, stacked_convs=1, anchor_generator=ANCHORS))),
    'fcos': ('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
             dict(LEVELS, bbox_head=dict(
                 HEAD, stacked_convs=1, strides=[8, 16, 32], norm_cfg=dict(type='GN', num_groups=4),
                 regress_ranges=((-1, 32), (32, 64), (64, 1e8))))),
    'atss': ('atss/atss_r50_fpn_1x_coco.py', ANCHORED),
    'paa': ('paa/paa_r50_fpn_1x_coco.py', ANCHORED),
    'gfl': ('gfl/gfl_r50_fpn_1x_coco.py', ANCHORED),
    'vfnet': ('vfnet/vfnet_r50_fpn_1x_coco.py', dict(LEVELS, bbox_head=dict(
        HEAD, stacked_convs=1, strides=[8, 16, 32], norm_cfg=dict(type='GN', num_groups=4),
        regress_ranges=((-1, 32), (32, 64), (64, 1e8)),
        anchor_generator=dict(type='AnchorGenerator', ratios=[1.0], octave_base_scale=8, scales_per_octave=1,
                              center_offset=0.0, **ANCHORS)))),
    'rtmdet': ('rtmdet/rtmdet_tiny_8xb32-300e_coco.py', dict(LEVELS, bbox_head=dict(
        HEAD, stacked_convs=1, norm_cfg=dict(type='BN')))),
    'ssd': ('ssd/ssd300_coco.py',
            dict(LEVELS, bbox_head=dict(
                in_channels=(16, 16, 16), num_classes=3,
                anchor_generator=dict(input_size=300, strides=[8, 16, 32], ratios=[[2], [2, 3], [2]])))),
    'yolov3': ('yolo/yolov3_d53_8xb8-320-273e_coco.py',
               dict(backbone=LAST_THREE, neck=dict(in_channels=[64, 32, 16], out_channels=[32, 16, 16]),
                    bbox_head=dict(num_classes=3, in_channels=[32, 16, 16], out_channels=[16, 16, 16]))),
    'yolox': ('yolox/yolox_tiny_8xb8-300e_coco.py',
              dict(backbone=LAST_THREE, neck=dict(in_channels=[16, 32, 64], out_channels=16),
                   bbox_head=dict(HEAD, stacked_convs=1), data_preprocessor=dict(batch_augments=None))),
    'rpn': ('rpn/rpn_r50_fpn_1x_coco.py', dict(LEVELS, rpn_head=RPN_HEAD)),
    'faster-rcnn': ('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', rcnn()),
    'mask-rcnn': ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', rcnn(
        mask_roi_extractor=ROI_FEATURES,
        mask_head=dict(num_convs=1, in_channels=16, conv_out_channels=16, num_classes=3))),
    'cascade-rcnn': ('cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py', rcnn(num_stages=3)),
    'detr': ('detr/detr_r50_8xb2-150e_coco.py',
             dict(transformer(), backbone=dict(BACKBONE, out_indices=(3, )), neck=dict(in_channels=[64], out_channels=32))),
    'deformable-detr': ('deformable_detr/deformable-detr_r50_16xb2-50e_coco.py', multi_scale()),
    # DINO's decoder encodes reference points in 512 numbers, twice a width that it takes to be 256.
    'dino': ('dino/dino-4scale_r50_8xb2-12e_coco.py',
             multi_scale(width=256, dn_cfg=dict(group_cfg=dict(num_dn_queries=10)))),
}
# Whose class probability is a product of several outputs.
PRODUCTS = {
    'tood': ('tood/tood_r50_fpn_1x_coco.py', dict(LEVELS, bbox_head=dict(
        HEAD, stacked_convs=2, anchor_generator=ANCHORS, norm_cfg=dict(type='GN', num_groups=4)))),
    'yolof': ('yolof/yolof_r50-c5_8xb8-1x_coco.py', dict(
        backbone=dict(BACKBONE, out_indices=(3, )),
        neck=dict(in_channels=64, out_channels=16, block_mid_channels=8, num_residual_blocks=1),
        bbox_head=dict(num_classes=3, in_channels=16, num_cls_convs=1, num_reg_convs=1))),
}


def tiny_detector(name, **changes):
    """Give the config of a tiny detector.

    ``changes`` are laid over its model, dict by dict, as in a config that has it as its base.
    """
    path, smaller = {**DETECTORS, **PRODUCTS}[name]
    config = Config(dict(model=Config.fromfile(MMDET_CONFIGS / path).model))
    for change in (smaller, changes):
        config.merge_from_dict(dict(model=copy.deepcopy(change)))  # mmengine takes _delete_ out of what it merges
    return config.model
