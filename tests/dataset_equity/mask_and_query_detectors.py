"""Tiny detectors whose heads give images otherwise than by a tensor for each level or a row for each region."""

import copy

from mmengine.config import Config

from ..tiny_detectors import ANCHORS, BACKBONE, FPN, HEAD, MMDET_CONFIGS, PROPOSALS, ROI_FEATURES, ROI_HEAD, multi_scale

CLASS_WEIGHT = [1.0, 1.0, 1.0, 0.1]
ATTENTION = dict(embed_dims=32)
FEED_FORWARD = dict(embed_dims=32, feedforward_channels=32)
LAYER = dict(self_attn_cfg=ATTENTION, cross_attn_cfg=ATTENTION, ffn_cfg=FEED_FORWARD)
NORM = dict(type='GN', num_groups=4)
ALL_LEVELS = dict(BACKBONE, out_indices=(0, 1, 2, 3))
TAKE_ALL = dict(num=5000, pos_fraction=1.0)


def solo(**head):
    """The parts that the SOLOs share; they resize the first and the last level."""
    levels = dict(strides=[8, 8, 16, 16], scale_ranges=((1, 24), (16, 40), (32, 80), (64, 400)), num_grids=[8, 6, 5, 4])
    return dict(backbone=ALL_LEVELS, neck=dict(FPN, start_level=0, num_outs=4),
                mask_head=dict(HEAD, stacked_convs=1, norm_cfg=NORM, **levels, **head))


def mask_former():
    """The parts that MaskFormer and Mask2Former share."""
    encoder = dict(num_layers=1, layer_cfg=dict(self_attn_cfg=ATTENTION, ffn_cfg=FEED_FORWARD))
    return dict(
        backbone=ALL_LEVELS,
        data_preprocessor=dict(batch_augments=None, pad_size_divisor=32, pad_seg=False),
        panoptic_head=dict(
            in_channels=[8, 16, 32, 64], feat_channels=32, out_channels=32, num_things_classes=3, num_stuff_classes=0,
            num_queries=10, pixel_decoder=dict(encoder=encoder, norm_cfg=dict(num_groups=4),
                                               positional_encoding=dict(num_feats=16)),
            positional_encoding=dict(num_feats=16), transformer_decoder=dict(num_layers=2, layer_cfg=LAYER),
            loss_cls=dict(class_weight=CLASS_WEIGHT)),
        panoptic_fusion_head=dict(num_things_classes=3, num_stuff_classes=0), test_cfg=dict(panoptic_on=False))


REGION = dict(in_channels=16, feat_channels=16)
DETECTORS = {
    # Noise of the denoising queries would differ between batch and single images.
    'ddq': ('ddq/ddq-detr-4scale_r50_8xb2-12e_coco.py', multi_scale(
        width=256, dn_cfg=dict(group_cfg=dict(num_dn_queries=10), label_noise_scale=1e-12, box_noise_scale=1e-12))),
    'cascade-rpn': ('cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco.py', dict(
        backbone=BACKBONE, neck=FPN, roi_head=dict(bbox_roi_extractor=ROI_FEATURES, bbox_head=ROI_HEAD),
        train_cfg=dict(rpn_proposal=PROPOSALS, rcnn=dict(sampler=TAKE_ALL)), test_cfg=dict(rpn=PROPOSALS))),
    'rtmdet-ins': ('rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py', dict(
        backbone=BACKBONE, neck=FPN, data_preprocessor=dict(batch_augments=None),
        bbox_head=dict(HEAD, stacked_convs=1, norm_cfg=dict(type='BN')))),
    'solo': ('solo/solo_r50_fpn_1x_coco.py', solo()),
    'decoupled-solo': ('solo/decoupled-solo_r50_fpn_1x_coco.py', solo()),
    'solov2': ('solov2/solov2_r50_fpn_1x_coco.py', solo(mask_feature_head=dict(
        feat_channels=16, out_channels=16, start_level=0, end_level=3, mask_stride=4, norm_cfg=NORM))),
    'maskformer': ('maskformer/maskformer_r50_ms-16xb1-75e_coco.py', mask_former()),
    'mask2former': ('mask2former/mask2former_r50_8xb2-lsj-50e_coco.py', mask_former()),
    'sparse-rcnn': ('sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py', dict(
        backbone=BACKBONE, neck=FPN, rpn_head=dict(num_proposals=20, proposal_feature_channel=16),
        roi_head=dict(num_stages=2, stage_loss_weights=[1, 1], proposal_feature_channel=16, bbox_roi_extractor=ROI_FEATURES))),
}
"""The mmdet config that each comes from, and what is changed in it; lists of stages are changed by :func:`build`."""


def build(name):
    """Give the config of a tiny detector that makes no draw while it computes its loss, but for Mask2Former's points."""
    path, smaller = DETECTORS[name]
    config = Config(dict(model=Config.fromfile(MMDET_CONFIGS / path).model))
    config.merge_from_dict(dict(model=copy.deepcopy(smaller)))
    model = config.model
    if name == 'cascade-rpn':
        for stage in model.rpn_head.stages:
            stage.update(REGION)
        model.rpn_head.stages[0].anchor_generator.update(ANCHORS, scales=[3])
        model.rpn_head.stages[1].anchor_generator = model.rpn_head.stages[0].anchor_generator
        model.train_cfg.rpn[1].sampler.update(TAKE_ALL)
    if name == 'sparse-rcnn':
        model.roi_head.bbox_head = model.roi_head.bbox_head[:2]
        model.train_cfg.rcnn = model.train_cfg.rcnn[:2]
        for head in model.roi_head.bbox_head:
            head.update(num_classes=3, in_channels=16, feedforward_channels=32)
            head.dynamic_conv_cfg.update(in_channels=16, feat_channels=8, out_channels=16)
    return model
