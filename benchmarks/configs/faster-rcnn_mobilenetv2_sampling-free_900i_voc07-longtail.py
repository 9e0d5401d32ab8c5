"""The same without sampling in the RPN and the RoI head, with Sampling-Free."""

_base_ = 'faster-rcnn_mobilenetv2_900i_voc07-longtail.py'
model = dict(
    rpn_head=dict(loss_bbox=dict(loss_weight=0.125)),
    roi_head=dict(
        bbox_head=dict(
            loss_bbox=dict(_delete_=True, type='PositiveMeanLoss', loss=dict(type='L1Loss', loss_weight=1.0)))),
    train_cfg=dict(
        rpn=dict(sampler=dict(_delete_=True, type='PseudoSampler')), rcnn=dict(sampler=dict(num=256, pos_fraction=1.0))))
custom_hooks = [
    dict(type='OptimalBiasInitHook', prior='measure'),
    dict(type='GuidedLossHook', scale=dict(loss_cls=2.0))
]
