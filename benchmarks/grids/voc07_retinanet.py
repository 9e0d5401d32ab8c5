"""RetinaNet on the long-tailed VOC 2007 at equal iterations: ``imbdet grid benchmarks/grids/voc07_retinanet.py``."""

seeds = [0, 1, 2]
config = 'benchmarks/configs/retinanet_mobilenetv2_900i_voc07-longtail.py'
sampling_free = 'benchmarks/configs/retinanet_mobilenetv2_sampling-free_900i_voc07-longtail.py'
sampler = 'train_dataloader.sampler.'


def repeat_factors(**settings):
    """Options of RepeatFactorSampler."""
    return {sampler + 'type': 'RepeatFactorSampler', **{sampler + key: value for key, value in settings.items()}}


irfs = repeat_factors(method='irfs', threshold=0.1)
class_aware = {sampler + 'type': 'ClassAwareSampler', sampler + 'num_sample_class': 1}
runs = dict(
    plain=dict(config=config),
    rfs=dict(config=config, cfg_options=repeat_factors(method='rfs', threshold=0.1)),
    irfs=dict(config=config, cfg_options=irfs),
    class_aware=dict(config=config, cfg_options=class_aware),
    sampling_free=dict(config=sampling_free),
    irfs_sampling_free=dict(config=sampling_free, cfg_options=irfs),
    # A hundred times the threshold of its paper, as IRFS's here is.
    e_irfs=dict(config=config, cfg_options=repeat_factors(method='e-irfs', threshold=0.01)),
    # An epoch as long as that of RFS at 0.1.
    irfs_equal_length=dict(config=config, cfg_options=repeat_factors(method='irfs', threshold=0.0774)),
    equity=dict(config='benchmarks/configs/retinanet_mobilenetv2_equity_900i_voc07-longtail.py'))
