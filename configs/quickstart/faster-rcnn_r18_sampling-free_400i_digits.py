_base_ = './faster-rcnn_r18_plain-ce_400i_digits.py'
# The authors average the RoI's regression over the positives, and guide its classification to twice that.
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_bbox=dict(_delete_=True, type='PositiveMeanLoss', loss=dict(type='L1Loss', loss_weight=1.0)))))
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior='measure'),
    dict(type='GuidedLossHook', scale=dict(loss_cls=2.0))
]
