"""The same, but the RoI head's regression divided by all regions, as mmdet does, and its classification guided to that."""

_base_ = './faster-rcnn_mobilenetv2_sampling-free_1000i_voc07-longtail.py'
model = dict(roi_head=dict(bbox_head=dict(loss_bbox=dict(_delete_=True, type='L1Loss'))))
custom_hooks = [dict(type='OptimalBiasInitHook', prior='measure'), dict(type='GuidedLossHook')]
