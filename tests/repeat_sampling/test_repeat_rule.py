"""Rounding up against mmengine's ClassBalancedDataset, and E-IRFS's arguments against its formula by hand."""

import csv
import logging
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.dataset import DefaultSampler

from imbdet.repeat_sampling import RepeatFactorSampler, RepeatRule, category_repeat_factors

NUM_IMAGES = 40


@pytest.fixture
def dataset(annotation_file):
    """Forty images of a long tail: class c in about 40 / 2^c of them; some images without boxes."""
    rng = np.random.default_rng(0)
    boxes = [(image, label) for image in range(1, NUM_IMAGES + 1) for label in range(1, 6) for _ in range(label)
             if rng.random() < 0.8 / 2**(label - 1)]
    path = annotation_file(boxes, num_images=NUM_IMAGES, categories='abcde')
    return CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=tuple('abcde')), pipeline=[],
                       serialize_data=False)


@pytest.mark.parametrize('threshold', [1e-3, 0.1, 0.37, 0.5, 1.0])
def test_rounding_up_is_mmengines(dataset, threshold):
    """The same images the same number of times in every epoch, of the same length, as with mmdet's LVIS configs."""
    balanced = DATASETS.build(dict(type='ClassBalancedDataset', oversample_thr=threshold, dataset=dataset))
    sampler = RepeatFactorSampler(dataset, method='rfs', threshold=threshold, rounding='ceil', seed=0)
    assert len(sampler) == len(DefaultSampler(balanced)) == len(balanced)
    expected = Counter(balanced.get_data_info(index)['img_id'] for index in DefaultSampler(balanced))
    orders = set()
    for epoch in range(5):
        sampler.set_epoch(epoch)
        order = [dataset.get_data_info(index)['img_id'] for index in sampler]
        assert Counter(order) == expected
        orders.add(tuple(order))
    assert len(orders) == 5  # each epoch has its own order
    assert (sampler.image_factors == np.ceil(sampler.image_factors)).all()


def test_rounding_up_after_the_weights(dataset, tmp_path):
    path = tmp_path / 'weights.csv'
    path.write_text('image_id,path,weight\n' + ''.join(f'{image},{image}.jpg,{1 + image / 40}\n' for image in range(41)))
    plain, rounded = (RepeatFactorSampler(dataset, threshold=0.5, seed=0, image_weights=path, rounding=rounding)
                      for rounding in ('systematic', 'ceil'))
    assert (np.bincount(list(rounded)) == np.ceil(plain.image_factors)).all()


def test_epoch_of_lvis_with_mmdets_ceiling():
    """At most 1.272 times the data set, where systematic rounding gives 1.147 (the bounds if no image had two classes)."""
    with open(Path(__file__).parents[1] / 'stored' / 'lvis_v1_counts.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    images, boxes = (np.array([int(row[key]) for row in rows]) for key in ('image_count', 'instance_count'))
    factors = category_repeat_factors(images, boxes, 100170, 1e-3, 'rfs')
    bounds = [1 + (images * (rounded - 1)).sum() / 100170 for rounded in (factors, np.ceil(factors))]
    assert bounds == pytest.approx([1.1467, 1.2719], abs=5e-5)


@pytest.mark.parametrize(('method', 'power'), [('rfs', 1.0), ('irfs', 0.75), ('irfs', 0.25)])
def test_powers_in_the_sampler(dataset, method, power, mmengine_log):
    log = mmengine_log()
    with log.at_level(logging.INFO, logger='mmengine'):
        sampler = RepeatFactorSampler(dataset, method=method, threshold=0.9, power=power, seed=0)
    assert f'RepeatFactorSampler ({method}, threshold 0.9, power {power:g}): ' in log.text
    infos = [dataset.get_data_info(index)['instances'] for index in range(NUM_IMAGES)]
    images = [sum(any(box['bbox_label'] == label for box in info) for info in infos) for label in range(5)]
    boxes = [sum(box['bbox_label'] == label for info in infos for box in info) for label in range(5)]
    frequencies = [image / NUM_IMAGES if method == 'rfs' else math.sqrt(image / NUM_IMAGES * box / sum(boxes))
                   for image, box in zip(images, boxes, strict=True)]
    expected = [max(1, math.pow(0.9 / frequency, power)) for frequency in frequencies]
    assert sampler.category_factors == pytest.approx(expected)
    assert sampler.image_factors == pytest.approx(
        [max((expected[box['bbox_label']] for box in info), default=1) for info in infos])


def test_classes_alike_with_power_1(annotation_file):
    """Where each image has one class: each class is drawn as often as the set has images."""
    labels = [1] * 9 + [2] * 3 + [3]
    path = annotation_file([(1 + image, label) for image, label in enumerate(labels)], num_images=13)
    single = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=tuple('abc')), pipeline=[])
    sampler = RepeatFactorSampler(single, method='rfs', threshold=1.0, power=1.0, seed=0)
    assert len(sampler) == 3 * 13
    drawn = np.array(labels)[list(sampler)]
    assert Counter(drawn.tolist()) == {1: 13, 2: 13, 3: 13}


def e_irfs(images, boxes, total, threshold, alpha):
    """r(c) = exp(alpha sqrt(t / sqrt(f_img f_inst))), a class at a time."""
    return [math.exp(alpha * math.sqrt(threshold / math.sqrt(image / total * box / sum(boxes))))
            for image, box in zip(images, boxes, strict=True)]


@pytest.mark.parametrize('alpha', [0.5, 2.0, 3.0])
def test_e_irfs_by_hand(dataset, alpha):
    infos = [dataset.get_data_info(index)['instances'] for index in range(len(dataset))]
    images = [sum(any(box['bbox_label'] == label for box in info) for info in infos) for label in range(5)]
    boxes = [sum(box['bbox_label'] == label for info in infos for box in info) for label in range(5)]
    for frequency, total in (('of-images', NUM_IMAGES), ('of-image-counts', sum(images))):
        keys = dict(method='e-irfs', threshold=0.01, alpha=alpha, image_frequency=frequency)
        expected = e_irfs(images, boxes, total, 0.01, alpha)
        sampler = RepeatFactorSampler(dataset, seed=0, **keys)
        assert sampler.category_factors == pytest.approx(expected)
        assert category_repeat_factors(images, boxes, NUM_IMAGES, 0.01, 'e-irfs', alpha, frequency) == pytest.approx(expected)
        assert sampler.image_factors == pytest.approx(
            [max((expected[box['bbox_label']] for box in info), default=1) for info in infos])
    assert sum(images) != NUM_IMAGES


def test_defaults_of_e_irfs():
    by_default = category_repeat_factors([1, 4], [1, 9], 4, 0.5, 'e-irfs')
    assert by_default == pytest.approx(e_irfs([1, 4], [1, 9], 4, 0.5, 2.0))


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(method='rsf'), "unknown method 'rsf'"),
    (dict(threshold=0), 'threshold must be above 0'),
    (dict(method='e-irfs', alpha=0), 'alpha must be above 0 and finite, got 0'),
    (dict(method='e-irfs', alpha=float('nan')), 'alpha must be above 0'),
    (dict(method='e-irfs', alpha=float('inf')), 'alpha must be above 0'),
    (dict(method='rfs', alpha=3.0), "alpha=3.0 only has a meaning with method='e-irfs', got method='rfs'"),
    (dict(image_frequency='of-image-counts'), "image_frequency='of-image-counts' only has a meaning with method='e-irfs'"),
    (dict(method='e-irfs', image_frequency='counts'), "unknown image_frequency 'counts'; choose one of of-images, of-image"),
    (dict(rounding='floor'), "unknown rounding 'floor'; choose one of systematic, ceil"),
    (dict(method='e-irfs', rounding='ceil'), "rounding='ceil' has no meaning with method='e-irfs'"),
    (dict(power=0), r"power must be in \(0, 1\], got 0; 0.5 is the papers'"),
    (dict(method='rfs', power=1.5), r'power must be in \(0, 1\], got 1.5'),
    (dict(power=float('nan')), r'power must be in \(0, 1\], got nan'),
    (dict(method='e-irfs', power=1.0), "power=1.0 only has a meaning with method='rfs' or 'irfs', got method='e-irfs'; remove"),
])
def test_bad_rules(dataset, keys, message):
    with pytest.raises(ValueError, match=message):
        RepeatRule(**keys)
    with pytest.raises(ValueError, match=message):
        RepeatFactorSampler(dataset, **keys)
    if 'rounding' not in keys:
        with pytest.raises(ValueError, match=message):
            category_repeat_factors([1], [1], 1, **{'threshold': 0.5, **keys})
