"""Predictions that go through a file against those that do not."""

import json

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmdet.registry import DATASETS

from imbdet.evaluation import LongTailMetric, ModalityMetric
from imbdet.evaluation.results_file import ResultsError
from imbdet.evaluation.saved_predictions import DumpPredictions, category_ids, saved_samples

from .random_case import data_samples, make_case


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path, num_images=8)


def dataset(case):
    return DATASETS.build(dict(type='CocoDataset', ann_file=str(case.path), metainfo=dict(classes=case.classes),
                               test_mode=True, pipeline=[], data_prefix=dict(img='')))


def dump(samples, path, ids):
    metric = DumpPredictions(path, ids)
    metric.process({}, samples)
    assert metric.evaluate(len(samples)) == {}
    return json.loads(path.read_text())


def evaluate(metric, samples, images):
    metric.dataset_meta = {'classes': images.metainfo['classes']}
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def with_sizes(samples):
    return [{**sample, 'ori_shape': (200, 200)} for sample in samples]


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_metrics_do_not_see_the_difference(case, tmp_path, kind):
    images = dataset(case)
    samples = with_sizes(data_samples(case, with_masks=True))
    if kind == 'segm':  # scored by themselves, as Mask Scoring R-CNN does
        for sample in samples:
            sample['pred_instances']['mask_scores'] = sample['pred_instances']['scores'].flip(0)
    written = dump(samples, tmp_path / 'found.json', category_ids(images))
    assert len(written) == len(case.detections)
    for metric in (lambda: LongTailMetric(str(case.path), metric=kind, style='coco'),
                   lambda: LongTailMetric(str(case.path), metric=kind),
                   lambda: CocoMetric(str(case.path), metric=kind)):
        expected = evaluate(metric(), samples, images)
        found = evaluate(metric(), saved_samples(tmp_path / 'found.json', images), images)
        assert expected == pytest.approx(found, abs=1e-9)
        assert max(expected.values()) > 0


def test_results_of_another_framework(case, tmp_path):
    """Masks alone, in any order: boxes are those around the masks."""
    images = dataset(case)
    samples = data_samples(case, with_masks=True)
    written = dump(samples, tmp_path / 'found.json', category_ids(images))
    bare = [{key: value for key, value in detection.items() if key != 'bbox'} for detection in written]
    (tmp_path / 'bare.json').write_text(json.dumps(bare[::-1]))
    first = saved_samples(tmp_path / 'bare.json', images)[0]['pred_instances']
    masks = samples[0]['pred_instances']['masks'].flip(0).numpy()
    for mask, (x1, y1, x2, y2) in zip(masks, first['bboxes'].tolist(), strict=True):
        rows, columns = np.nonzero(mask)
        assert (x1, y1, x2, y2) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_two_cameras(case, tmp_path):
    """Each image twice, told apart by the camera."""
    pairs = [dict(type='PairedCocoDataset', ann_file=str(case.path), metainfo=dict(classes=case.classes), test_mode=True,
                  pipeline=[], data_prefix=dict(img='visible', ir='infrared'), modality=modality) for modality in ('rgb', 'ir')]
    images = DATASETS.build(dict(type='ConcatDataset', datasets=pairs))
    samples = [{**sample, 'modality': modality} for modality in ('rgb', 'ir') for sample in with_sizes(data_samples(case))]
    for sample in samples[8:]:  # infrared scores otherwise
        sample['pred_instances'] = {**sample['pred_instances'], 'scores': sample['pred_instances']['scores'].flip(0)}
    written = dump(samples, tmp_path / 'found.json', category_ids(images))
    metric = dict(type='LongTailMetric', ann_file=str(case.path))
    expected = evaluate(ModalityMetric(metric), samples, images)
    assert expected['rgb/bbox_AP'] != expected['ir/bbox_AP']
    assert evaluate(ModalityMetric(metric), saved_samples(tmp_path / 'found.json', images), images) == pytest.approx(expected)
    for detection in written:
        del detection['modality']
    (tmp_path / 'found.json').write_text(json.dumps(written))
    with pytest.raises(ResultsError, match=r'found\.json: the data set contains image 101 more than once'):
        saved_samples(tmp_path / 'found.json', images)


def test_images_without_detections(case, tmp_path):
    images = dataset(case)
    (tmp_path / 'found.json').write_text('[]')
    samples = saved_samples(tmp_path / 'found.json', images)
    assert [len(sample['pred_instances']['scores']) for sample in samples] == [0] * 8
    assert samples[0]['pred_instances']['bboxes'].shape == (0, 4)
    assert evaluate(LongTailMetric(str(case.path)), samples, images)['lvis/bbox_AP'] == 0


def test_samples_tell_what_evaluators_ask_for(case, tmp_path):
    case.truth['images'][2]['width'] = 300
    case.path.write_text(json.dumps(case.truth))
    (tmp_path / 'found.json').write_text('[]')
    sample = saved_samples(tmp_path / 'found.json', dataset(case))[2]
    assert (sample['img_id'], sample['ori_shape']) == (103, (200, 300))
    boxes = [box for box in case.truth['annotations'] if box['image_id'] == 103]
    assert len(sample['instances']) == len(boxes)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(image_id=5), r'detection 3 has image_id 5 .*other images or of other classes'),
    (dict(category_id=1), 'detection 3 has image_id .* category_id 1'),
    (dict(bbox=None), 'has a detection with neither bbox nor segmentation')])
def test_predictions_of_something_else(case, tmp_path, change, message):
    case.detections[2].update(change)
    (tmp_path / 'found.json').write_text(json.dumps(case.detections))
    with pytest.raises(ResultsError, match=message):
        saved_samples(tmp_path / 'found.json', dataset(case))


def test_data_set_without_category_ids():
    with pytest.raises(TypeError, match=r'TensorDataset has no category ids.*\.pkl'):
        category_ids(torch.utils.data.TensorDataset(torch.zeros(1)))


@pytest.mark.parametrize(('change', 'message'), [(dict(score=90.0), r'1 of \d+ detections have a score outside \[0, 1\]'),
                                                 (dict(bbox=[1, 2, -3, 4]), 'has a negative width or height')])
def test_values_that_no_detector_gives(case, tmp_path, change, message):
    case.detections[5].update(change)
    path = tmp_path / 'odd.json'
    path.write_text(json.dumps(case.detections))
    with pytest.raises(ResultsError, match=message):
        saved_samples(path, dataset(case))


def test_predictions_of_a_part_of_the_images(case, tmp_path, mmengine_log):
    logs = mmengine_log()
    path = tmp_path / 'part.json'
    path.write_text(json.dumps([detection for detection in case.detections if detection['image_id'] < 105]))
    saved_samples(path, dataset(case))
    assert f'{path} has detections in 4 of the 8 images of the data set' in logs.text
