"""The same with plain cross entropy over all anchors and Sampling-Free."""

_base_ = 'retinanet_mobilenetv2_900i_voc07-longtail.py'
model = dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=True)))
custom_hooks = [dict(type='OptimalBiasInitHook', prior='measure'), dict(type='GuidedLossHook')]
