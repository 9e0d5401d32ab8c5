# A RetinaNet small enough to train from scratch on two CPU cores in minutes, for the twenty classes of the digits.
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'

# Group norm in neck and head: from scratch, and in so few iterations, they learn much slower without.
norm_cfg = dict(type='GN', num_groups=8)
model = dict(
    backbone=dict(depth=18, base_channels=32, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, start_level=1, add_extra_convs=False, num_outs=3,
              norm_cfg=norm_cfg),
    bbox_head=dict(
        num_classes=20,
        in_channels=64,
        stacked_convs=2,
        feat_channels=64,
        norm_cfg=norm_cfg,
        # Digits are 22 to 48 pixels high and often half as wide.
        anchor_generator=dict(octave_base_scale=3, scales_per_octave=2, ratios=[1.0, 1.8], strides=[8, 16, 32])),
    # LVIS allows up to 300 detections an image; a high threshold would leave rare classes without any.
    test_cfg=dict(score_thr=0.001, max_per_img=300))
