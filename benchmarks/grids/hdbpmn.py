"""YOLOX-nano with Mosaic on hand-drawn process diagrams: ``python -m imbdet grid benchmarks/grids/hdbpmn.py --jobs 2``.

mmdet's ClassAwareSampler cannot read the classes of a data set that mixes images.
"""

seeds = [0, 1]
config = 'benchmarks/configs/yolox_nano_600i_hdbpmn.py'


def repeat_factors(**settings):
    """Options of RepeatFactorSampler, and of the data set that draws the partners of Mosaic by the factors, too."""
    settings = dict(type='RepeatFactorSampler', **settings)
    return {'train_dataloader.dataset.type': 'WeightedMultiImageMixDataset',
            **{f'train_dataloader.sampler.{key}': value for key, value in settings.items()}}


runs = dict(
    plain=dict(config=config),
    irfs=dict(config=config, cfg_options=repeat_factors(method='irfs', threshold=0.1)),
    irfs_balanced=dict(config=config, cfg_options=repeat_factors(method='irfs', threshold=1.0, power=1.0)),
    class_aware=dict(config=config, cfg_options=repeat_factors(method='class-aware')))
