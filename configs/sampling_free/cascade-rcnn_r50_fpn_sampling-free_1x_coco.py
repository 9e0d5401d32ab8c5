_base_ = 'mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    # RandomSampler makes the RPN divide its losses by all sampled anchors, 256 an image; PseudoSampler by the positive
    # ones only. This weight, that of a published port, brings the RPN's regression back beside the other losses.
    rpn_head=dict(loss_bbox=dict(loss_weight=0.125)),
    # As mmdet's three stages, but with a regression loss that is averaged over the positives, as in the authors' Faster R-CNN.
    roi_head=dict(bbox_head=[
        dict(
            type='Shared2FCBBoxHead',
            in_channels=256,
            fc_out_channels=1024,
            roi_feat_size=7,
            num_classes=80,
            bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds=stds),
            reg_class_agnostic=True,
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type='PositiveMeanLoss', loss=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0)))
        for stds in ([0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067])
    ]),
    train_cfg=dict(
        rpn=dict(sampler=dict(_delete_=True, type='PseudoSampler')),
        rcnn=[
            dict(
                assigner=dict(
                    type='MaxIoUAssigner',
                    pos_iou_thr=threshold,
                    neg_iou_thr=threshold,
                    min_pos_iou=threshold,
                    match_low_quality=False,
                    ignore_iof_thr=-1),
                # More than the 2000 proposals and the ground truth, so that none is left out.
                sampler=dict(
                    type='RandomSampler', num=3000, pos_fraction=1.0, neg_pos_ub=-1, add_gt_as_proposals=True),
                pos_weight=-1,
                debug=False) for threshold in (0.5, 0.6, 0.7)
        ]),
    test_cfg=dict(rcnn=dict(score_thr=0.001)))
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior='measure'),
    dict(type='GuidedLossHook', scale={f's{stage}.loss_cls': 2.0
                                       for stage in range(3)})
]
