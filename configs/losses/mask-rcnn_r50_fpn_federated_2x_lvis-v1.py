_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_2x_lvis-v1.py'
# As in CenterNet2: 50 classes count in a step, and scores start at 0.01.
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_cls=dict(
                _delete_=True, type='FederatedLoss', loss=dict(type='CrossEntropyLoss', use_sigmoid=True), num_kept=50))))
custom_hooks = [dict(type='OptimalBiasInitHook', prior={'roi_head.bbox_head': 0.01})]
