"""AdamW for 900 iterations of 8 images, seven epochs of the long-tailed VOC, with one validation at the end."""

_base_ = '../../../configs/_base_/schedules/schedule_400i.py'
train_cfg = dict(max_iters=900, val_interval=900)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=900)
]
default_hooks = dict(checkpoint=dict(interval=450))
