_base_ = './retinanet_r18_baseline_400i_digits.py'
# Plain cross entropy over all anchors, in place of focal loss: what Sampling-Free starts from.
model = dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='CrossEntropyLoss', use_sigmoid=True)))
