"""Losses and classifiers on the digits: ``python -m imbdet grid benchmarks/grids/losses_digits.py --jobs 2``.

Each loss with a linear and with a cosine classifier, on the Faster R-CNN of the quickstart, at equal iterations.
"""

seeds = [0, 1, 2]
box_head = 'model.roi_head.bbox_head'


def loss(type, **settings):
    """Options of a classification loss."""
    return {f'{box_head}.loss_cls.{key}': value for key, value in {'_delete_': True, 'type': type, **settings}.items()}


softmax = dict(
    ce={},
    class_weighted=loss('ClassWeighted', **{'loss.type': 'CrossEntropyLoss'}),
    balanced_softmax=loss('BalancedSoftmaxLoss'),
    seesaw=loss('SynchronizedSeesawLoss'))
sigmoids = dict(
    # Plain binary cross entropy.
    bce=loss('EqualizationLoss', tail_share=0.0),
    # Ten of the twenty classes count in a step.
    federated=loss('FederatedLoss', num_kept=10, **{'loss.type': 'CrossEntropyLoss', 'loss.use_sigmoid': True}),
    ecm=loss('EffectiveClassMarginLoss'),
    eql=loss('EqualizationLoss'),
    droploss=loss('EqualizationLoss', drop_background=True),
    gol=loss('GumbelLoss'),
    eqlv2=loss('EqualizationLossV2'))
classifiers = dict(linear={}, cosine={f'{box_head}.cls_predictor_cfg.type': 'CosineLinear'})
runs = {}
for classifier, layer in classifiers.items():
    for name, options in softmax.items():
        runs[f'{classifier}_{name}'] = dict(
            config='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py', cfg_options={**layer, **options})
    for name, options in sigmoids.items():
        runs[f'{classifier}_{name}'] = dict(
            config='benchmarks/configs/faster-rcnn_r18_prior_400i_digits.py',
            cfg_options={**layer, **options, f'{box_head}.loss_cls.use_sigmoid': True})
runs = {name: dict(run, baseline='linear_ce') for name, run in runs.items()}
