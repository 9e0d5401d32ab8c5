"""What is to be expected of a calibration, by detector and by its limit of detections."""

import re

import pytest
import torch
from mmdet.registry import MODELS

from imbdet.calibration.expectation import expectation
from imbdet.heads import find_class_layers

from ..tiny_detectors import tiny_detector


@pytest.mark.parametrize(('name', 'limit', 'said'), [
    ('retinanet', None, 'they do not compete for places among the detections of an image: .* next to no change'),
    ('retinanet', 3, 'next to no change'),
    ('retinanet', 2, 'an image has at most 2 detections for 3 classes, .*: a shift can change AP$'),
    ('yolox', None, 'which is multiplied by what all classes share'),
    ('yolov3', 100, 'which is multiplied by what all classes share'),
    ('fcos', 100, 'which is multiplied by what all classes share'),
    ('faster-rcnn', 100, 'compete in a softmax, but not for places'),
    ('faster-rcnn', 2, 'compete in a softmax, and an image has at most 2 detections for 3 classes, .* can change AP much$')
])
def test_by_what_classes_compete_for(name, limit, said):
    detector = MODELS.build(tiny_detector(name))
    assert re.search(said, expectation(find_class_layers(detector), 3, limit))


def test_a_shift_changes_the_ranking_of_a_product_and_not_of_a_sigmoid():
    """Two detections of one class: probability 0.9 with objectness 0.2, and 0.3 with 0.5."""
    logits, objectness = torch.tensor([0.9, 0.3]).logit(), torch.tensor([0.2, 0.5])
    assert logits.sigmoid().argsort().tolist() == (logits + 3).sigmoid().argsort().tolist()
    products = [(logits + shift).sigmoid() * objectness for shift in (0, 3)]
    assert products[0].argsort().tolist() != products[1].argsort().tolist()
