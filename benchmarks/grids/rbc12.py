"""Resampling on real images, at equal iterations; IRFS's threshold makes its epochs as long as those of RFS at 0.1."""

seeds = [0, 1, 2]
config = 'benchmarks/grids/faster-rcnn_r18_fpn_824i_rbc12.py'
sampler = 'train_dataloader.sampler.'
runs = dict(
    # Below every class's frequency, so that nothing is repeated.
    baseline=dict(config=config, cfg_options={sampler + 'threshold': 1e-6}),
    rfs=dict(config=config, cfg_options={sampler + 'method': 'rfs', sampler + 'threshold': 0.1}),
    irfs=dict(config=config, cfg_options={sampler + 'threshold': 0.04}))
