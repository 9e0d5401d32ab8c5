"""Losses of RetinaNet on digits and photographs: ``python -m imbdet grid benchmarks/grids/losses_retinanet.py --jobs 2``."""

seeds = [0, 1, 2]
configs = dict(
    digits='configs/quickstart/retinanet_r18_baseline_400i_digits.py',
    voc07='benchmarks/configs/retinanet_mobilenetv2_900i_voc07-longtail.py')


def loss(type, **settings):
    """Options of a classification loss."""
    settings = {'_delete_': True, 'type': type, 'use_sigmoid': True, **settings}
    return {f'model.bbox_head.loss_cls.{key}': value for key, value in settings.items()}


def wrapped(type, **settings):
    """Options of a loss around mmdet's focal loss."""
    return loss(type, **{'loss.type': 'FocalLoss', 'loss.use_sigmoid': True}, **settings)


cosine = {'model.bbox_head.type': 'CosineHead', 'model.bbox_head.head': 'RetinaHead'}
methods = dict(
    focal={},
    efl=loss('EqualizedFocalLoss'),
    # Ten of the twenty classes count in a step.
    federated=wrapped('FederatedLoss', num_kept=10),
    class_weighted=wrapped('ClassWeighted'),
    seesaw=wrapped('SynchronizedSeesawLoss'),
    cosine=cosine,
    cosine_class_weighted={**cosine, **wrapped('ClassWeighted')})
runs = {f'{data}_{name}': dict(config=config, cfg_options=options, baseline=f'{data}_focal')
        for data, config in configs.items() for name, options in methods.items()}
