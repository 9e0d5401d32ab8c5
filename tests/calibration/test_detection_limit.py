"""The limit on the detections of an image: found in every detector, and raised without changing which are the highest."""

import numpy as np
import pytest
import torch
from torch import nn

from imbdet.calibration.detection_limit import detections_per_image, raised_limit
from imbdet.calibration.swept_detections import swept_detections
from imbdet.heads import find_class_layers

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set

FEW = dict(max_per_img=4)


@pytest.mark.parametrize(('name', 'test_cfg'), [
    ('retinanet', FEW), ('gfl', FEW), ('yolov3', FEW), ('faster-rcnn', dict(rcnn=FEW)), ('cascade-rcnn', dict(rcnn=FEW))
])
def test_with_more_places_the_highest_are_the_same(name, test_cfg, tmp_path):
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, tiny_detector(name, test_cfg=test_cfg), flip=0.0)
    detector, batches = runner.model, list(runner.train_dataloader)
    torch.manual_seed(0)
    for each in find_class_layers(detector):
        nn.init.normal_(each.layer.weight, std=each.layer.weight[0].numel()**-0.5)
    assert detections_per_image(detector) == 4
    few = swept_detections(detector, batches, [[]])[0]
    with raised_limit(detector, 3):
        assert detections_per_image(detector) == 15
        many = swept_detections(detector, batches, [[]])[0]
    assert detections_per_image(detector) == 4
    assert {len(image['scores']) for image in few} == {4}
    assert {len(image['scores']) for image in many} == {15}
    for one, other in zip(few, many, strict=True):
        highest = np.argsort(-other['scores'], kind='stable')[:4]
        for key in ('scores', 'labels', 'bboxes'):
            assert np.array_equal(one[key], other[key][highest])


@pytest.mark.parametrize(('num_classes', 'limit'), [(1, 7), (4, 20), (1203, 1000)])
def test_it_never_falls_and_fits_the_memory(num_classes, limit, tmp_path):
    write_training_set(tmp_path)
    detector = make_runner(tmp_path, tiny_detector('faster-rcnn', test_cfg=dict(rcnn=dict(max_per_img=7)))).model
    proposals = detector.rpn_head.test_cfg['max_per_img']
    with raised_limit(detector, num_classes):
        assert detections_per_image(detector) == limit
        assert detector.rpn_head.test_cfg['max_per_img'] == proposals


def test_what_has_no_nms_is_left_alone(tmp_path):
    """A DETR has as many detections as queries; YOLOX of this config has no limit."""
    write_training_set(tmp_path)
    detr = make_runner(tmp_path, tiny_detector('detr', test_cfg=dict(max_per_img=2))).model
    with raised_limit(detr, 3):
        assert detections_per_image(detr) == 2
    yolox = make_runner(tmp_path, tiny_detector('yolox')).model
    with raised_limit(yolox, 3):
        assert detections_per_image(yolox) is None


@pytest.mark.parametrize('none', [None, 0, -1])
def test_no_limit_is_none(none, tmp_path):
    write_training_set(tmp_path)
    detector = make_runner(tmp_path, tiny_detector('retinanet', test_cfg=dict(max_per_img=none))).model
    with raised_limit(detector, 3):
        assert detections_per_image(detector) is None
