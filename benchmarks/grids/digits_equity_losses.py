"""DatasetEquity on all losses, as in the paper, and on classification alone.

The data set and its equity.npz are made as configs/quickstart/README.md says.
"""

seeds = [0, 1, 2, 3, 4]
config = 'configs/quickstart/retinanet_r18_equity_400i_digits.py'
runs = dict(
    baseline=dict(config='configs/quickstart/retinanet_r18_baseline_400i_digits.py'), cls=dict(config=config),
    all=dict(config=config, cfg_options={'custom_hooks.0.apply_to': 'all'}))
