_base_ = 'mmdet::_base_/default_runtime.py'
# A short schedule for detectors trained from scratch on the digits.
# Iterations, not epochs: repeating images makes epochs longer, and methods are compared at equal iterations.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=400, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=400)
]
auto_scale_lr = dict(enable=False, base_batch_size=8)

# Two: mmengine removes the oldest before it writes the newest, and a training killed meanwhile shall have one to resume from.
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=2))
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
