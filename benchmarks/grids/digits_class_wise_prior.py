"""What a prior for each class is worth to Sampling-Free on the digits."""

seeds = [0, 1, 2, 3, 4]
config = 'configs/quickstart/retinanet_r18_sampling-free_400i_digits.py'
runs = dict(
    sampling_free=dict(config=config), class_wise=dict(config=config, cfg_options={'custom_hooks.0.class_wise': True}))
