_base_ = [
    'mmdet::_base_/models/cascade-mask-rcnn_r50_fpn.py', '../_base_/datasets/lvis_v1_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py', 'mmdet::_base_/default_runtime.py'
]
# A list in a config is replaced as a whole, so each of the three stages' box heads is written out.
bbox_head = dict(
    type='Shared2FCBBoxHead',
    in_channels=256,
    fc_out_channels=1024,
    roi_feat_size=7,
    num_classes=1203,
    reg_class_agnostic=True,
    loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    loss_bbox=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0))
coder = dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.])
model = dict(
    backbone=dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')),
    roi_head=dict(
        bbox_head=[
            dict(bbox_coder=dict(target_stds=[0.1, 0.1, 0.2, 0.2], **coder), **bbox_head),
            dict(bbox_coder=dict(target_stds=[0.05, 0.05, 0.1, 0.1], **coder), **bbox_head),
            dict(bbox_coder=dict(target_stds=[0.033, 0.033, 0.067, 0.067], **coder), **bbox_head)
        ],
        mask_head=dict(num_classes=1203)),
    # LVIS allows up to 300 detections an image; a higher threshold would drop most of the rare classes' ones.
    test_cfg=dict(rcnn=dict(score_thr=0.0001, max_per_img=300)))
