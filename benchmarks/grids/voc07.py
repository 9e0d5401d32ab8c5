"""Samplers, Sampling-Free and DatasetEquity on the long-tailed VOC 2007, on two detectors.

``python -m imbdet grid benchmarks/grids/voc07.py --jobs 2`` in the root of the repository. All trainings have 900 iterations of
8 images, except plain_equal_boxes, which shows as many boxes as the class-aware draws do.
"""

seeds = [0, 1, 2]


def repeat_factors(**settings):
    """Options of RepeatFactorSampler."""
    settings = dict(type='RepeatFactorSampler', **settings)
    return {f'train_dataloader.sampler.{key}': value for key, value in settings.items()}


irfs = repeat_factors(method='irfs', threshold=0.1)
theirs = {'train_dataloader.sampler.type': 'ClassAwareSampler', 'train_dataloader.sampler.num_sample_class': 1}
iterations = {'train_cfg.max_iters': 964, 'train_cfg.val_interval': 964, 'param_scheduler.1.end': 964}
# By name: the part of the config's name between detector and schedule, and options.
methods = dict(
    plain=('', {}),
    irfs=('', irfs),
    class_aware=('', repeat_factors(method='class-aware')),
    sampling_free=('_sampling-free', {}),
    rfs=('', repeat_factors(method='rfs', threshold=0.1)),
    mmdet_class_aware=('', theirs),
    irfs_sampling_free=('_sampling-free', irfs),
    # Classes balanced as far as images allow.
    irfs_balanced=('', repeat_factors(method='irfs', threshold=1.0, power=1.0)),
    # An epoch as long as that of RFS at 0.1.
    irfs_equal_length=('', repeat_factors(method='irfs', threshold=0.0774)),
    # A hundred times the threshold of its paper, as IRFS's here is.
    e_irfs=('', repeat_factors(method='e-irfs', threshold=0.01)),
    equity=('_equity', {}),
    plain_equal_boxes=('', iterations))
runs = {
    f'{detector.replace("-", "_")}_{name}': dict(
        config=f'benchmarks/configs/{detector}_mobilenetv2{part}_900i_voc07-longtail.py',
        cfg_options=options,
        baseline=f'{detector.replace("-", "_")}_plain')
    for name, (part, options) in methods.items() for detector in ('retinanet', 'faster-rcnn')
}
# A cosine classifier. mmdet has one for R-CNN alone; each is compared with its linear one.
cosine = {'model.roi_head.bbox_head.cls_predictor_cfg.type': 'NormedLinear',
          'model.roi_head.bbox_head.cls_predictor_cfg.tempearture': 20}
for name in ('plain', 'irfs', 'class_aware'):
    linear = runs[f'faster_rcnn_{name}']
    runs[f'faster_rcnn_{name}_cosine'] = dict(
        linear, cfg_options={**linear['cfg_options'], **cosine}, baseline=f'faster_rcnn_{name}')
