"""The methods and their peers on the long-tailed digits, at equal iterations: ``grid.py grids/digits.py --jobs 2``.

The data set and its equity.npz are made as configs/quickstart/README.md says.
"""

seeds = [0, 1, 2, 3, 4]
runs = dict(
    baseline=dict(config='configs/quickstart/retinanet_r18_baseline_400i_digits.py'),
    rfs=dict(config='configs/quickstart/retinanet_r18_rfs_400i_digits.py'),
    irfs=dict(config='configs/quickstart/retinanet_r18_irfs_400i_digits.py'),
    # As strong as it can be: every class has a factor above 1.
    irfs_strong=dict(
        config='configs/quickstart/retinanet_r18_irfs_400i_digits.py', cfg_options={'train_dataloader.sampler.threshold': 1.0}),
    irfs_equal_length=dict(config='configs/quickstart/retinanet_r18_irfs-equal-length_400i_digits.py'),
    e_irfs=dict(config='configs/quickstart/retinanet_r18_e-irfs_400i_digits.py'),
    # As many boxes as ClassAwareSampler shows in 400, whose images hold a quarter more: not at equal iterations.
    baseline_500i=dict(
        config='configs/quickstart/retinanet_r18_baseline_400i_digits.py',
        cfg_options={'train_cfg.max_iters': 500, 'param_scheduler.1.end': 500, 'train_cfg.val_interval': 500}),
    class_aware=dict(config='configs/quickstart/retinanet_r18_class-aware_400i_digits.py'),
    plain_ce=dict(config='configs/quickstart/retinanet_r18_plain-ce_400i_digits.py'),
    sampling_free=dict(config='configs/quickstart/retinanet_r18_sampling-free_400i_digits.py'),
    irfs_sampling_free=dict(config='configs/quickstart/retinanet_r18_irfs-sampling-free_400i_digits.py'),
    sampling_free_class_wise=dict(
        config='configs/quickstart/retinanet_r18_sampling-free_400i_digits.py',
        cfg_options={'custom_hooks.0.class_wise': True}),
    equity=dict(config='configs/quickstart/retinanet_r18_equity_400i_digits.py'),
    equity_all=dict(
        config='configs/quickstart/retinanet_r18_equity_400i_digits.py', cfg_options={'custom_hooks.0.apply_to': 'all'}))
