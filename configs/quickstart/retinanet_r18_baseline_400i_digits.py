# A RetinaNet small enough to train from scratch on two CPU cores in minutes.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py', '../_base_/datasets/digits_longtail.py',
    'mmdet::_base_/default_runtime.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

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

# Iterations, not epochs: repeating images makes epochs longer, and methods are compared at equal iterations.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=400, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=400)
]
auto_scale_lr = dict(enable=False, base_batch_size=8)

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
