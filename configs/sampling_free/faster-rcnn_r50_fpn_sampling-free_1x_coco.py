_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    # RandomSampler makes the RPN divide its losses by all sampled anchors, 256 an image; PseudoSampler by the positive
    # ones only. This weight, that of a published port, brings the RPN's regression back beside the other losses.
    rpn_head=dict(loss_bbox=dict(loss_weight=0.125)),
    # The authors average the RoI's regression over the positives, and guide its classification to twice that; mmdet's divisor
    # is the number of regions, nearly all of them background where nothing is sampled.
    roi_head=dict(
        bbox_head=dict(
            loss_bbox=dict(_delete_=True, type='PositiveMeanLoss', loss=dict(type='L1Loss', loss_weight=1.0)))),
    train_cfg=dict(
        rpn=dict(sampler=dict(_delete_=True, type='PseudoSampler')),
        # More than the 1000 proposals and the ground truth, so that none is left out. PseudoSampler would take them all
        # too, but leave out the ground truth, which a young RPN does not yet propose.
        rcnn=dict(sampler=dict(num=2000, pos_fraction=1.0))),
    test_cfg=dict(rcnn=dict(score_thr=0.001)))
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior='measure'),
    dict(type='GuidedLossHook', scale=dict(loss_cls=2.0))
]
