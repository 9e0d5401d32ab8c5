"""Resampling on the long-tailed digits with three times the iterations of digits.py: do rare classes need more of them?"""

seeds = [0, 1, 2]
long = {
    'train_cfg.max_iters': 1200,
    'train_cfg.val_interval': 1200,
    'param_scheduler.1.end': 1200,
    'default_hooks.checkpoint.interval': 1200
}
runs = dict(
    baseline=dict(config='configs/quickstart/retinanet_r18_baseline_400i_digits.py', cfg_options=long),
    rfs=dict(config='configs/quickstart/retinanet_r18_rfs_400i_digits.py', cfg_options=long),
    irfs=dict(config='configs/quickstart/retinanet_r18_irfs_400i_digits.py', cfg_options=long))
