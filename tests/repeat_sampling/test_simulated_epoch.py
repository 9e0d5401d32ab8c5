"""Epochs against RepeatFactorSampler on the real data set."""

import json

import numpy as np
import pytest
from mmdet.datasets import CocoDataset

from imbdet.annotations import load_annotations, to_arrays
from imbdet.repeat_sampling import RepeatFactorSampler
from imbdet.repeat_sampling.simulated_epoch import PAPER_THRESHOLDS, simulate_epoch, threshold_curves, threshold_for_target
from imbdet.reports.dataset.imbalance import count_imbalance


@pytest.fixture(scope='module', params=[False, True])
def both(request, digits):
    """The sample data set as mmdet has it, with and without images without boxes, and what was counted in it."""
    path = digits / 'annotations/digits_longtail_train.json'
    filter_cfg = dict(filter_empty_gt=request.param)
    names = tuple(category['name'] for category in json.loads(path.read_text())['categories'])
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=names), pipeline=[],
                          filter_cfg=filter_cfg)
    content = load_annotations(path)
    return dataset, count_imbalance(content, to_arrays(content), None, filter_cfg)


def rare_images(dataset, imbalance):
    rare = set(np.flatnonzero(imbalance.groups == 'r').tolist())
    return np.array([any(instance['bbox_label'] in rare for instance in dataset.get_data_info(index)['instances'])
                     for index in range(len(dataset))])


@pytest.mark.parametrize(('method', 'threshold'), [('rfs', 0.1), ('irfs', 0.1), ('irfs', 1e-3), ('e-irfs', 1e-4),
                                                   ('e-irfs', 0.01)])
def test_epoch_is_the_samplers(both, method, threshold):
    dataset, imbalance = both
    sampler = RepeatFactorSampler(dataset, method=method, threshold=threshold, seed=0)
    epoch = simulate_epoch(imbalance.labels, imbalance.counts, imbalance.in_tail, method, threshold)
    np.testing.assert_array_equal(epoch.category_factors, sampler.category_factors)
    np.testing.assert_array_equal(epoch.image_factors, sampler.image_factors)
    assert epoch.length == len(sampler)


@pytest.mark.parametrize(('method', 'threshold'), [('irfs', 0.1), ('e-irfs', 0.01)])
def test_shares_are_what_the_sampler_draws(both, method, threshold):
    dataset, imbalance = both
    sampler = RepeatFactorSampler(dataset, method=method, threshold=threshold, seed=0)
    epoch = simulate_epoch(imbalance.labels, imbalance.counts, imbalance.in_tail, method, threshold)
    rare, number = rare_images(dataset, imbalance), len(dataset)
    shares, seen, counts = [], [], np.zeros(number)
    for index in range(300):
        sampler.set_epoch(index)
        drawn = np.array(list(sampler))
        shares.append(rare[drawn].mean())
        seen.append(len(np.unique(drawn)) / number)
        counts += np.bincount(drawn, minlength=number)
    assert epoch.tail_share == pytest.approx(np.mean(shares), abs=5 * np.std(shares) / 300**0.5 + 1 / number)
    assert epoch.seen_share == pytest.approx(np.mean(seen), abs=5 * np.std(seen) / 300**0.5 + 1e-12)
    spread = np.sqrt(epoch.expected_draws / 300)
    assert (np.abs(counts / 300 - epoch.expected_draws) < 6 * spread + 1 / number).all()


@pytest.mark.parametrize('method', ['rfs', 'irfs'])
@pytest.mark.parametrize('target', [1.05, 1.15, 1.5])
def test_threshold_gives_the_wished_length(both, method, target):
    dataset, imbalance = both
    threshold = threshold_for_target(imbalance.labels, imbalance.counts, method, target)
    assert threshold == float(f'{threshold:.3g}')
    sampler = RepeatFactorSampler(dataset, method=method, threshold=threshold, seed=0)
    assert len(sampler) / len(dataset) == pytest.approx(target, abs=0.006)
    longest = len(RepeatFactorSampler(dataset, method=method, threshold=1.0, seed=0)) / len(dataset)
    assert threshold_for_target(imbalance.labels, imbalance.counts, method, longest + 0.1) is None


def test_curves_against_single_epochs(both):
    imbalance = both[1]
    curves = threshold_curves(imbalance.labels, imbalance.counts, imbalance.in_tail)
    assert (np.diff(curves.thresholds) > 0).all()
    assert curves.thresholds[0] <= min(PAPER_THRESHOLDS['e-irfs'], 4 / 600)
    assert max(curves.lengths['irfs'][-1], curves.lengths['rfs'][-1]) == pytest.approx(2)
    for position in (0, 30, 45, 60):
        for method in ('rfs', 'irfs', 'e-irfs'):
            epoch = simulate_epoch(imbalance.labels, imbalance.counts, imbalance.in_tail, method, curves.thresholds[position])
            assert curves.tail_shares[method][position] == pytest.approx(epoch.tail_share)
            length = curves.lengths[method][position] * imbalance.num_images
            assert epoch.length - 1 <= length <= epoch.length + 1e-3
