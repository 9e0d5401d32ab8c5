"""One run for two cameras, against the metric on each alone and pycocotools."""

import csv
import json
import logging

import numpy as np
import pytest
import torch
from mmdet.registry import METRICS
from mmengine.logging import MMLogger
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CLASSES = ('a', 'b')
NAMES = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


@pytest.fixture
def ann_file(annotation_file):
    rng = np.random.default_rng(0)
    boxes = [{'image_id': int(image), 'category_id': int(rng.integers(1, 3)), 'area': int(side * side),
              'bbox': [int(rng.integers(0, 40)), int(rng.integers(0, 40)), int(side), int(side)]}
             for image in range(1, 7) for side in rng.integers(10, 50, 3)]
    return annotation_file(boxes, num_images=6, categories=CLASSES)


def detections(ann_file, modality, noise, number=3):
    """Samples of all images, with ground truth moved by some noise for detections."""
    content = json.loads(ann_file.read_text())
    rng = np.random.default_rng(7)
    samples = []
    for image in content['images']:
        boxes = [box for box in content['annotations'] if box['image_id'] == image['id']][:number]
        corners = np.array([box['bbox'] for box in boxes], np.float32).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        samples.append({
            'img_id': image['id'], 'ori_shape': (100, 100), 'modality': modality, 'img_path': f'{image["id"]}.png',
            'pred_instances': {
                'bboxes': torch.from_numpy(corners + rng.normal(0, noise, corners.shape).astype(np.float32)),
                'scores': torch.from_numpy(rng.random(len(boxes), dtype=np.float32)),
                'labels': torch.tensor([box['category_id'] - 1 for box in boxes], dtype=torch.long)}})
    return samples


def build(ann_file, kind='CocoMetric', **keys):
    metric = METRICS.build(dict(type='ModalityMetric', metric=dict(type=kind, ann_file=str(ann_file), metric='bbox', **keys)))
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def evaluate(metric, samples):
    for start in range(0, len(samples), 4):  # batches hold both modalities
        metric.process({}, samples[start:start + 4])
    return metric.evaluate(len(samples))


def by_pycocotools(ann_file, samples):
    truth = COCO(str(ann_file))
    found = truth.loadRes([
        {'image_id': sample['img_id'], 'category_id': int(label) + 1, 'score': float(score),
         'bbox': [x1, y1, x2 - x1, y2 - y1]}
        for sample in samples for (x1, y1, x2, y2), score, label in zip(
            sample['pred_instances']['bboxes'].tolist(), sample['pred_instances']['scores'],
            sample['pred_instances']['labels'], strict=True)])
    evaluation = COCOeval(truth, found, 'bbox')
    evaluation.params.maxDets = [100, 300, 1000]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [round(float(value), 3) for value in evaluation.stats[:6]]


def test_each_camera_and_their_mean(ann_file):
    visible, infrared = detections(ann_file, 'rgb', 2), detections(ann_file, 'ir', 5)
    found = evaluate(build(ann_file), visible + infrared)
    expected = by_pycocotools(ann_file, visible), by_pycocotools(ann_file, infrared)
    assert expected[0][0] > expected[1][0] > 0
    for position, name in enumerate(NAMES):
        values = [part[position] for part in expected]
        assert [found[f'{modality}/bbox_{name}'] for modality in ('rgb', 'ir')] == values
        assert found[f'mean/bbox_{name}'] == pytest.approx(sum(values) / 2)
    assert set(found) == {f'{part}/bbox_{name}' for part in ('rgb', 'ir', 'mean') for name in NAMES}
    mixed = [sample for pair in zip(infrared, visible, strict=True) for sample in pair]
    assert evaluate(build(ann_file), mixed) == found


@pytest.mark.parametrize('empty', ['rgb', 'ir'])
def test_one_camera_without_detections(ann_file, empty, caplog):
    """Zero, except where there is no ground truth, which is -1 for both."""
    samples = {modality: detections(ann_file, modality, 2, 0 if modality == empty else 3) for modality in ('rgb', 'ir')}
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    found = evaluate(build(ann_file), samples['rgb'] + samples['ir'])
    logger.removeHandler(caplog.handler)
    assert f'no results for {empty} because nothing was detected; they count as 0' in caplog.text
    other = 'ir' if empty == 'rgb' else 'rgb'
    for name in NAMES:
        value = found[f'{other}/bbox_{name}']
        assert found[f'{empty}/bbox_{name}'] == (-1 if value == -1 else 0)
        assert found[f'mean/bbox_{name}'] == (-1 if value == -1 else value / 2)
    assert found[f'{other}/bbox_mAP'] > 0.3
    assert found[f'{other}/bbox_mAP_l'] == -1  # no box is larger than 96 x 96


def test_no_detections_at_all(ann_file):
    """As from CocoMetric: no results, from which mmengine's CheckpointHook makes a warning."""
    samples = detections(ann_file, 'rgb', 2, 0) + detections(ann_file, 'ir', 2, 0)
    assert evaluate(build(ann_file), samples) == {}
    zeros = evaluate(build(ann_file, 'LongTailMetric', style='coco', train_ann_file=str(ann_file)), samples)
    assert zeros['mean/bbox_AP'] == 0


def test_any_metric(ann_file):
    visible, infrared = detections(ann_file, 'rgb', 2), detections(ann_file, 'ir', 5)
    keys = dict(style='coco', train_ann_file=str(ann_file))
    found = evaluate(build(ann_file, 'LongTailMetric', **keys), visible + infrared)
    for modality, samples in (('rgb', visible), ('ir', infrared)):
        alone = METRICS.build(dict(type='LongTailMetric', ann_file=str(ann_file), **keys))
        alone.dataset_meta = dict(classes=CLASSES)
        alone.process({}, samples)
        expected = alone.evaluate(6)
        assert {name: found[f'{modality}/{name}'] for name in
                (key.removeprefix('coco/') for key in expected)} == {
                    key.removeprefix('coco/'): value for key, value in expected.items()}


def test_class_tables_of_both_cameras(ann_file, tmp_path):
    logger = MMLogger.get_instance(tmp_path.name)  # a run's of its own
    handler = logging.FileHandler(tmp_path / 'run.log')
    logger.addHandler(handler)
    found = evaluate(build(ann_file, 'LongTailMetric', style='coco', train_ann_file=str(ann_file)),
                     detections(ann_file, 'rgb', 2) + detections(ann_file, 'ir', 5))
    logger.removeHandler(handler)
    handler.close()
    for modality in ('rgb', 'ir'):
        rows = list(csv.DictReader((tmp_path / f'{modality}_class_ap_bbox.csv').open()))
        assert np.mean([float(row['AP']) for row in rows]) == pytest.approx(found[f'{modality}/bbox_AP'])


def test_files_of_both_cameras(ann_file, tmp_path):
    samples = detections(ann_file, 'rgb', 2) + detections(ann_file, 'ir', 5)
    evaluate(build(ann_file, outfile_prefix=str(tmp_path / 'found')), samples)
    visible, infrared = (json.loads((tmp_path / f'found.{modality}.bbox.json').read_text()) for modality in ('rgb', 'ir'))
    assert len(visible) == len(infrared) == 18
    assert visible != infrared


def test_samples_that_are_not_of_one_camera(ann_file):
    sample = detections(ann_file, 'pair', 2)[0]
    with pytest.raises(KeyError, match="1.png has modality 'pair', but ModalityMetric needs 'rgb' or 'ir'"):
        build(ann_file).process({}, [sample])
    del sample['modality']
    with pytest.raises(KeyError, match="add 'modality' to the meta_keys of PackDetInputs"):
        build(ann_file).process({}, [sample])
    with pytest.raises(ValueError, match="no image of modality 'ir' was evaluated"):
        evaluate(build(ann_file), detections(ann_file, 'rgb', 2))
