"""Repeat factors under transforms that mix images, and under wrappers: exact in expectation, or refused by name."""

from pathlib import Path

import mmdet
import numpy as np
import pytest
from mmdet.datasets import MultiImageMixDataset
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.runner import Runner

from imbdet.repeat_sampling import RepeatFactorSampler

from ..data.gray_images import PIPELINE, gray_config

LEVELS = list(range(0, 240, 20))
LABELS = [0] * 9 + [1, 2, 2]
# 16 x 16 pixels of four images of 8 x 8 each, the main image at the top left.
MOSAIC = dict(type='Mosaic', img_scale=(8, 8), center_ratio_range=(1.0, 1.0))
MIXUP = dict(type='MixUp', img_scale=(8, 8), ratio_range=(1.0, 1.0))
COPY_PASTE = dict(type='CopyPaste', paste_by_box=True)
PACK = dict(type='PackDetInputs')
RULE = dict(method='rfs', threshold=0.75)  # factors 1, 3 and 2.12


@pytest.fixture
def inner(tmp_path):
    """Twelve images, of which nine have the common class, one a rare and two a less rare one."""
    return gray_config(tmp_path, LEVELS, LABELS)


def mixed(inner, *mixing, kind='WeightedMultiImageMixDataset'):
    return dict(type=kind, dataset=inner, pipeline=[*mixing, PACK])


def run(dataset, epochs, num_workers=0):
    """Yield each sample that a dataloader gives, over epochs, with the factors of the images."""
    loader = Runner.build_dataloader(
        dict(dataset=dataset, batch_size=4, num_workers=num_workers, persistent_workers=num_workers > 0,
             sampler=dict(type='RepeatFactorSampler', **RULE), collate_fn=dict(type='pseudo_collate')), seed=0)
    samples = []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            samples += zip(batch['inputs'], batch['data_samples'], strict=True)
    return loader.sampler, samples


def quarters(inputs):
    return [LEVELS.index(int(inputs[0, y, x])) for y in (2, 12) for x in (2, 12)]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_mosaic_shows_each_image_as_often_as_its_factor(inner, num_workers):
    """As main image r times an epoch, and 3 r times as one of three partners; through real worker processes."""
    epochs = 20
    np.random.seed(0)
    sampler, samples = run(mixed(inner, MOSAIC), epochs, num_workers)
    images = np.array([quarters(inputs) for inputs, _ in samples])
    factors = np.array([1.0] * 9 + [3.0] + [np.sqrt(0.75 * 6)] * 2)  # by hand
    np.testing.assert_allclose(sampler.image_factors, factors)
    mains, partners = (np.bincount(part.ravel(), minlength=12) for part in (images[:, 0], images[:, 1:]))
    # Whole factors come in every epoch; the epoch's length is rounded up, which a random image makes up for.
    surplus = len(sampler) - factors.sum()
    assert (np.abs(mains - epochs * (factors + surplus / 12)) < 5 * np.sqrt(epochs * 0.5)).all()
    shares = factors / factors.sum()
    number = 3 * epochs * len(sampler)
    assert (np.abs(partners - number * shares) < 5 * np.sqrt(number * shares * (1 - shares))).all()
    assert abs(partners[9] - number / 12) > 5 * np.sqrt(number / 12)  # of uniform partners, as mmdet draws them


def test_mixup_and_copy_paste_partners(inner):
    for mixing in (MIXUP, COPY_PASTE):
        np.random.seed(0)
        sampler, samples = run(mixed(inner, mixing), 20)
        found = []
        for inputs, sample in samples:
            main = LEVELS[int(sample.img_id)]
            other = 2 * int(inputs[0, 0, 0]) - main if mixing is MIXUP else int(inputs[0, 3, 3])  # within the pasted box
            found.append(LEVELS.index(other))
        if mixing is COPY_PASTE:  # it pastes nothing in half of the images, where the main image's own pixel is seen
            found = [other for other, (_, sample) in zip(found, samples, strict=True) if other != sample.img_id]
        seen = np.bincount(found, minlength=12)
        groups = np.array([seen[:9].sum(), seen[9], seen[10:].sum()])
        shares = sampler.image_factors / sampler.image_factors.sum()
        if mixing is COPY_PASTE:  # given that it is not the main image, whose distribution is the same
            shares = shares * (1 - shares) / (shares * (1 - shares)).sum()
        expected = np.array([shares[:9].sum(), shares[9], shares[10:].sum()])
        spread = np.sqrt(len(found) * expected * (1 - expected))
        assert (np.abs(groups - len(found) * expected) < 5 * spread).all()


@pytest.mark.parametrize('random_pop', [True, False])
@pytest.mark.parametrize('name', ['CachedMosaic', 'CachedMixUp'])
def test_cached_partners_follow_the_factors_already(inner, name, random_pop):
    """Each of an image's draws puts it into the cache, from where it is taken k times on average, as long as it stays.

    With a cache of C images, from which the newest is neither taken nor dropped, an image stays C - 1 further steps on
    average and is one of k partners out of C - 1 in each. The number of times varies with variance k + k^2 or less.
    """
    epochs, k = 30, 3 if name == 'CachedMosaic' else 1
    mixing = dict(MOSAIC if k == 3 else MIXUP, type=name, max_cached_images=6, random_pop=random_pop)
    np.random.seed(0)
    sampler, samples = run(dict(inner, pipeline=[*PIPELINE, mixing, PACK]), epochs)
    samples = samples[10:]  # until the cache is full, images are few or unmixed
    if k == 3:
        partners = [image for inputs, _ in samples for image in quarters(inputs)[1:]]
    else:
        partners = [LEVELS.index(2 * int(inputs[0, 0, 0]) - LEVELS[sample.img_id]) for inputs, sample in samples]
    seen = np.bincount(partners, minlength=12)
    draws = epochs * sampler.image_factors
    assert (np.abs(seen - k * draws) < 5 * np.sqrt(draws * (k + k**2))).all()
    assert abs(seen[9] - len(partners) / 12) > 3 * np.sqrt(len(partners) / 12)


@pytest.mark.parametrize('mixing', [MOSAIC, MIXUP, COPY_PASTE], ids=lambda mixing: mixing['type'])
def test_uniform_partners_are_refused(inner, mixing):
    plain = mixed(inner, mixing, kind='MultiImageMixDataset')
    for config in (plain, dict(type='ConcatDataset', datasets=[inner, plain]),
                   dict(type='RepeatDataset', times=2, dataset=plain),
                   dict(type='WeightedMultiImageMixDataset', dataset=plain, pipeline=[])):
        with pytest.raises(ValueError, match=f"of {mixing['type']} in the MultiImageMixDataset are drawn uniformly.*"
                           "write type='WeightedMultiImageMixDataset' in place of 'MultiImageMixDataset'"):
            RepeatFactorSampler(DATASETS.build(config), threshold=1e-3)  # also where no factor is above 1


def test_mixing_outside_a_wrapper_is_refused(inner):
    dataset = DATASETS.build(dict(inner, pipeline=[*PIPELINE, MOSAIC]))
    with pytest.raises(ValueError, match='Mosaic in the CocoDataset.*move it into the pipeline of a Weighted'):
        RepeatFactorSampler(dataset)


def test_mmdets_wrapper_without_mixing_is_fine(inner):
    dataset = DATASETS.build(mixed(inner, dict(type='CachedMixUp', img_scale=(8, 8)), kind='MultiImageMixDataset'))
    assert isinstance(dataset, MultiImageMixDataset)
    assert len(RepeatFactorSampler(dataset, **RULE).image_factors) == 12


def test_repeating_twice_is_refused(inner):
    balanced = dict(type='ClassBalancedDataset', oversample_thr=0.5, dataset=inner)
    for config in (balanced, dict(type='RepeatDataset', times=2, dataset=balanced), mixed(balanced, MOSAIC),
                   dict(type='ConcatDataset', datasets=[inner, balanced])):
        with pytest.raises(ValueError, match='over a ClassBalancedDataset would repeat images of rare classes twice'):
            RepeatFactorSampler(DATASETS.build(config))


def test_repeat_dataset_is_harmless(inner):
    """It repeats all images alike, so that classes are as frequent as before, and draws are in the same proportion."""
    plain = RepeatFactorSampler(DATASETS.build(inner), seed=0, **RULE)
    sampler = RepeatFactorSampler(DATASETS.build(dict(type='RepeatDataset', times=3, dataset=inner)), seed=0, **RULE)
    np.testing.assert_allclose(sampler.category_factors, plain.category_factors)
    drawn = np.bincount([index % 12 for index in sampler], minlength=12)
    assert (np.abs(drawn - 3 * plain.image_factors) <= 2).all()


def weights_of(dataset):
    """Weights by which a WeightedMultiImageMixDataset draws, found from its draws' distribution function."""
    return np.diff(dataset.pipeline[0].cumulative, prepend=0)


def test_weights_reach_wrapped_data_sets(inner):
    weighted = mixed(inner, MOSAIC)
    factors = np.array([1.0] * 9 + [3.0] + [np.sqrt(0.75 * 6)] * 2)
    repeated = DATASETS.build(dict(type='RepeatDataset', times=2, dataset=weighted))
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=[weighted, inner, weighted]))
    outside = DATASETS.build(mixed(dict(type='RepeatDataset', times=2, dataset=inner), MOSAIC))
    nested = DATASETS.build(dict(type='WeightedMultiImageMixDataset', dataset=weighted, pipeline=[MIXUP]))
    for dataset in (repeated, joined, outside, nested):
        RepeatFactorSampler(dataset, **RULE)
    for dataset in (repeated.dataset, joined.datasets[0], joined.datasets[2], nested, nested.dataset):
        np.testing.assert_allclose(weights_of(dataset), factors / factors.sum())
    np.testing.assert_allclose(weights_of(outside), np.tile(factors, 2) / factors.sum() / 2)


def test_each_part_of_joined_data_sets_gets_its_own_weights(tmp_path):
    configs = []
    for name, labels in (('first', [0, 0, 0, 1]), ('second', [0, 1])):
        (tmp_path / name).mkdir()
        configs.append(mixed(gray_config(tmp_path / name, LEVELS[:len(labels)], labels), MOSAIC))
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=configs))
    RepeatFactorSampler(joined, method='rfs', threshold=0.9)  # b is in 2 of 6 images, a in 4
    a, b = np.sqrt(0.9 * 6 / 4), np.sqrt(0.9 * 6 / 2)
    np.testing.assert_allclose(weights_of(joined.datasets[0]), np.array([a, a, a, b]) / (3 * a + b))
    np.testing.assert_allclose(weights_of(joined.datasets[1]), np.array([a, b]) / (a + b))


def test_partners_of_class_aware_draws(tmp_path):
    """By the expected draws of the images; a part of nothing but crowds is never drawn, so that it needs no weights."""
    configs = []
    for name, labels in (('first', [0, 0, None, 1]), ('crowds', [0, 1]), ('third', [0, 1])):
        (tmp_path / name).mkdir()
        configs.append(mixed(gray_config(tmp_path / name, LEVELS[:len(labels)], labels), MOSAIC))
    path = tmp_path / 'crowds/train.json'
    path.write_text(path.read_text().replace('"iscrowd": 0', '"iscrowd": 1'))
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=configs))
    sampler = RepeatFactorSampler(joined, method='class-aware', seed=0)
    np.testing.assert_allclose(sampler.image_factors, 4 * np.array([1 / 3, 1 / 3, 0, 1 / 2, 0, 0, 1 / 3, 1 / 2]))
    np.testing.assert_allclose(weights_of(joined.datasets[0]), np.array([2, 2, 0, 3]) / 7, atol=1e-15)
    np.testing.assert_allclose(weights_of(joined.datasets[2]), np.array([2, 3]) / 5)
    np.random.seed(0)
    assert {image for index in sampler for image in quarters(joined[index]['inputs'])} == {0, 1, 3}


def test_weights_cannot_pass_an_unknown_wrapper(inner):
    class Reversed:
        def __init__(self, dataset):
            self.dataset = dataset
            self.metainfo = dataset.metainfo

        def __len__(self):
            return len(self.dataset)

        def get_data_info(self, index):
            return self.dataset.get_data_info(len(self) - 1 - index)

    assert len(RepeatFactorSampler(Reversed(DATASETS.build(inner)), **RULE).image_factors) == 12
    with pytest.raises(ValueError, match='which images of Reversed are which in the WeightedMultiImageMixDataset'):
        RepeatFactorSampler(Reversed(DATASETS.build(mixed(inner, MOSAIC))), **RULE)


def train_loader(name, images):
    """The train_dataloader of an mmdet config, for the images of a test and with our sampler."""
    loader = Config.fromfile(Path(mmdet.__file__).parent / f'.mim/configs/{name}.py').train_dataloader
    dataset = loader.dataset.get('dataset', loader.dataset)
    dataset.update({key: value for key, value in images.items() if key != 'pipeline'})
    loader.update(batch_size=2, num_workers=0, persistent_workers=False, sampler=dict(type='RepeatFactorSampler', **RULE))
    return loader


@pytest.mark.parametrize('name', ['yolox/yolox_s_8xb8-300e_coco', 'rtmdet/rtmdet_tiny_8xb32-300e_coco'])
def test_mmdets_own_pipelines(tmp_path, name):
    """RTMDet's as it is, YOLOX's with our data set in place of mmdet's."""
    loader = train_loader(name, gray_config(tmp_path, LEVELS, LABELS, size=(96, 80)))  # mmdet drops images below 32
    if 'yolox' in name:
        with pytest.raises(ValueError, match='MixUp, Mosaic in the MultiImageMixDataset'):
            Runner.build_dataloader(loader, seed=0)
        loader.dataset.type = 'WeightedMultiImageMixDataset'
    built = Runner.build_dataloader(loader, seed=0)
    assert built.sampler.image_factors[9] == pytest.approx(3)
    if 'yolox' in name:
        np.testing.assert_allclose(weights_of(built.dataset), built.sampler.image_factors / built.sampler.image_factors.sum())
    batch = next(iter(built))
    assert [tuple(image.shape) for image in batch['inputs']] == [(3, 640, 640)] * 2
    assert all(len(sample.gt_instances.bboxes) for sample in batch['data_samples'])
