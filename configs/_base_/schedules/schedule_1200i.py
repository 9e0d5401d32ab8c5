_base_ = './schedule_400i.py'
# Three times as long, because two cameras are more to learn than one.
train_cfg = dict(max_iters=1200, val_interval=600)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=1200)
]
default_hooks = dict(checkpoint=dict(interval=600))
