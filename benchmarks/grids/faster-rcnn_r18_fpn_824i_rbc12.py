"""Faster R-CNN R18, small enough for a CPU and from scratch, on red blood cells: the config for one's own data, with theirs.

data/rbc12 holds Chula RBC-12 (arXiv 2012.01321) in a long-tailed split: train.json, val.json and images/, at 320 x 240.
"""

_base_ = '../../../configs/irfs/faster-rcnn_r50_fpn_irfs_1x_custom.py'
data_root = 'data/rbc12/'
metainfo = dict(
    classes=('normal_cell', 'macrocyte', 'microcyte', 'spherocyte', 'target_cell', 'stomatocyte', 'ovalocyte', 'teardrop',
             'burr_cell', 'schistocyte', 'uncategorised', 'hypochromia', 'elliptocyte'))
model = dict(
    backbone=dict(depth=18, base_channels=32, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256, num_classes=13)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=500, max_per_img=200), rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=300)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(320, 240), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(data_root=data_root, metainfo=metainfo, ann_file='train.json', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(data_root=data_root, metainfo=metainfo, ann_file='val.json', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'val.json', train_ann_file=data_root + 'train.json')
test_evaluator = val_evaluator

# Iterations, not epochs, which repeating makes longer: 824 are eight epochs of RFS.
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=824, val_interval=824)
optim_wrapper = dict(optimizer=dict(lr=0.02), clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=824, milestones=[618, 721], gamma=0.1)
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=824))
log_processor = dict(by_epoch=False)
