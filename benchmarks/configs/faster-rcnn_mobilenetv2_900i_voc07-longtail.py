"""Faster R-CNN on MobileNetV2 with ImageNet weights: small enough for a CPU core."""

_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py', '_base_/schedule_900i.py', '_base_/voc07_longtail.py']
custom_imports = dict(imports=['imbdet', 'benchmarks.cached_mobilenet_v2'], allow_failed_imports=False)

model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    backbone=dict(
        _delete_=True,
        type='CachedMobileNetV2',
        cache='data/cache/mobilenet_v2',
        out_indices=(2, 4, 6),
        frozen_stages=5,
        init_cfg=dict(type='Pretrained', checkpoint='data/weights/mobilenet_v2_mmdet.pth')),
    neck=dict(in_channels=[32, 96, 320], out_channels=64, num_outs=4),
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4], strides=[8, 16, 32, 64])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64, featmap_strides=[8, 16, 32], finest_scale=28),
        bbox_head=dict(num_classes=20, in_channels=64, fc_out_channels=512)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=128), rcnn=dict(sampler=dict(num=64))),
    # Scores of rare classes are low, and AP^fixed counts more than 100 detections of an image.
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=256), rcnn=dict(score_thr=0.001, max_per_img=300)))
