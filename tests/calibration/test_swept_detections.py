"""One pass for many calibrations, compared with a pass for each."""

import copy

import pytest
import torch
from torch import nn

from imbdet.calibration.calibrated_layer import calibrated_layers
from imbdet.calibration.calibration_settings import Calibration
from imbdet.calibration.class_statistics import ClassStatistics
from imbdet.calibration.swept_detections import swept_detections
from imbdet.heads import find_class_layers

from ..tiny_detectors import DETECTORS, PRODUCTS, tiny_detector
from ..tiny_training import make_runner, write_training_set

FAMILIES = [*(name for name in DETECTORS if name not in ('rpn', 'ssd')), *PRODUCTS]  # SSDHead of mmdet 3.3 cannot predict
STATISTICS = ClassStatistics(['a', 'b', 'c'], [7, 2, 0], [40, 2, 0], 8, [1.9, 1.2, 1.0])


def prepare(folder, name):
    changes = dict(test_cfg=dict(max_per_img=20)) if name in ('detr', 'deformable-detr', 'dino') else {}
    write_training_set(folder)
    runner = make_runner(folder, tiny_detector(name, **changes), flip=0.0)
    torch.manual_seed(0)
    if name in ('deformable-detr', 'dino'):
        runner.model.init_weights()  # else their level embeddings are what was in the memory before
    for each in find_class_layers(runner.model):
        nn.init.normal_(each.layer.weight, std=each.layer.weight[0].numel()**-0.5)
    settings = [calibrated_layers(runner.model, Calibration(*each), STATISTICS)
                for each in (('norcal', 0.6), ('norcal', 0.3), ('fracal', ))]
    return runner.model, list(runner.train_dataloader), [[], *settings]


@pytest.mark.parametrize('name', FAMILIES)
def test_as_a_pass_for_each(name, tmp_path):
    detector, batches, settings = prepare(tmp_path, name)
    detector.train()
    calls = []
    handle = detector.backbone.conv1.register_forward_hook(lambda *_: calls.append(1))
    found = swept_detections(detector, copy.deepcopy(batches), settings)
    assert len(calls) == len(batches)
    handle.remove()
    assert detector.training
    assert not any('forward' in vars(module) or module._forward_hooks for module in detector.modules())
    detector.eval()
    different = 0
    for setting, images in zip(settings, found, strict=True):
        handles = [each.layer.layer.register_forward_hook(lambda layer, inputs, output, each=each: each.apply(output))
                   for each in setting]
        with torch.no_grad():
            expected = [sample for batch in copy.deepcopy(batches) for sample in detector.test_step(batch)]
        for handle in handles:
            handle.remove()
        assert len(images) == len(expected) == 8
        for one, other in zip(images, expected, strict=True):
            assert one['image_id'] == other.img_id
            for key in ('bboxes', 'scores', 'labels'):
                assert torch.equal(torch.from_numpy(one[key]), other.pred_instances[key])
        different += any(len(one['scores']) != len(other['scores']) or (one['scores'] != other['scores']).any()
                         for one, other in zip(images, found[0], strict=True))
    assert different == 3


def test_the_detector_is_left_as_it_was_after_an_error(tmp_path):
    detector, batches, settings = prepare(tmp_path, 'retinanet')
    del batches[1]['inputs']
    with pytest.raises(KeyError):
        swept_detections(detector, batches, settings)
    assert detector.training
    assert not any('forward' in vars(module) or module._forward_hooks for module in detector.modules())


def test_without_any_calibration(tmp_path):
    detector, batches, _ = prepare(tmp_path, 'retinanet')
    found = swept_detections(detector, batches, [[]])
    assert [len(images) for images in found] == [8]
