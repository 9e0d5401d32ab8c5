_base_ = 'mmdet::paa/paa_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    # Plain cross entropy over all anchors, in place of focal loss.
    bbox_head=dict(
        loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=True),
        # Learned weights of all losses, as in the authors' release of 2021.
        loss_bbox=dict(
            _delete_=True,
            type='UncertaintyWeighted',
            loss=dict(type='GIoULoss', loss_weight=1.3),
            names=('loss_cls', 'loss_bbox', 'loss_iou'))),
    # The authors' threshold; mmdet's own, 0.05, suits the higher scores of focal loss.
    test_cfg=dict(score_thr=0.001))
# PAA assigns by its predictions, so no prior can be measured before training. This number is the authors'.
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior=3e-3),
    # Also of that release: guided by the mean of all other losses, and kept after 100 batches.
    dict(type='GuidedLossHook', pairs='all', freeze_after=100)
]
