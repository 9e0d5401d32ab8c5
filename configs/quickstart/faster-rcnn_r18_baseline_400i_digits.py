# A Faster R-CNN of the same size as the RetinaNet, with mmdet's sampling heuristics in the RPN and the RoI head.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py', '../_base_/datasets/digits_longtail.py',
    '../_base_/schedules/schedule_400i.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

norm_cfg = dict(type='GN', num_groups=8)
model = dict(
    backbone=dict(depth=18, base_channels=32, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, start_level=1, num_outs=3, norm_cfg=norm_cfg),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        # Digits are 22 to 48 pixels high and often half as wide.
        anchor_generator=dict(scales=[3], ratios=[1.0, 1.8], strides=[8, 16, 32])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64, featmap_strides=[8, 16, 32]),
        bbox_head=dict(num_classes=20, in_channels=64, fc_out_channels=256)),
    # An image of 160 x 160 pixels has about 1,000 anchors; 256 proposals hold all of its digits.
    train_cfg=dict(rpn_proposal=dict(max_per_img=256), rcnn=dict(sampler=dict(num=128))),
    # LVIS allows up to 300 detections an image; a high threshold would leave rare classes without any.
    test_cfg=dict(rpn=dict(max_per_img=256), rcnn=dict(score_thr=0.001, max_per_img=300)))
