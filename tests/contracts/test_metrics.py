"""What every metric must do: see the contract of metrics in CONTRIBUTING.md."""

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import METRICS
from mmengine.logging import MMLogger

from ..evaluation.random_case import data_samples, make_case

CASES = {
    'lvis': dict(type='LongTailMetric', style='lvis'),
    'coco': dict(type='LongTailMetric', style='coco'),
    'fixed and pooled': dict(type='LongTailMetric', style='lvis', fixed_ap=True, pooled_ap=True),
    'modalities': dict(type='ModalityMetric', metric=dict(type='LongTailMetric', style='lvis')),
}


@pytest.fixture
def truth(tmp_path):
    MMLogger.get_instance('contracts', log_file=str(tmp_path / 'log.txt'))
    return make_case(tmp_path, num_images=8, detections_per_image=20)


@pytest.fixture(params=CASES)
def make(request, truth):
    """A function that makes the metric."""
    config = copy.deepcopy(CASES[request.param])
    config.get('metric', config)['ann_file'] = str(truth.path)

    def metric():
        built = METRICS.build(copy.deepcopy(config))
        built.dataset_meta = {'classes': truth.classes}
        return built

    return metric


def samples_of(truth):
    samples = data_samples(truth)
    return [{**sample, 'modality': 'rgb' if index % 2 else 'ir'} for index, sample in enumerate(samples)]


def evaluate(metric, samples, batch_size=8):
    for start in range(0, len(samples), batch_size):
        metric.process({}, samples[start:start + batch_size])
    return metric.evaluate(len(samples))


def test_batches_and_their_order_do_not_matter(make, truth):
    samples = samples_of(truth)
    whole = evaluate(make(), samples)
    assert whole
    assert all(isinstance(value, float) and -1 <= value <= 1 for value in whole.values())
    assert evaluate(make(), samples, batch_size=3) == pytest.approx(whole)
    assert evaluate(make(), samples[::-1], batch_size=1) == pytest.approx(whole)


def test_an_evaluation_leaves_nothing_for_the_next(make, truth):
    metric = make()
    first = evaluate(metric, samples_of(truth))
    assert evaluate(metric, samples_of(truth)) == pytest.approx(first)


def test_samples_stay_as_they_are(make, truth):
    samples = samples_of(truth)
    before = copy.deepcopy(samples)
    evaluate(make(), samples)
    for sample, copied in zip(samples, before, strict=True):
        assert all(torch.equal(sample['pred_instances'][key], value) for key, value in copied['pred_instances'].items())


def test_nothing_detected(make, truth):
    """APs of classes with ground truth are 0, of groups without any -1; nothing else, and no crash."""
    samples = samples_of(truth)
    for sample in samples:
        sample['pred_instances'] = {key: value[:0] for key, value in sample['pred_instances'].items()}
    assert {float(np.round(value, 12)) for value in evaluate(make(), samples).values()} <= {0.0, -1.0}
