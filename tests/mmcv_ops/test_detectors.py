"""Detectors with imbdet.mmcv_ops against the same detectors with compiled mmcv: losses, gradients and detections."""

import copy

import mmcv._ext
import pytest
import torch
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmengine.registry import init_default_scope

from imbdet.mmcv_ops import is_compiled

from ..tiny_detectors import tiny_detector
from .cases import OURS, operations_of

pytestmark = pytest.mark.skipif(not is_compiled(mmcv._ext.__spec__), reason='needs an mmcv with compiled operations')
DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
NO_KERNEL = pytest.mark.skipif(DEVICE == 'cpu', reason='no GPU, and mmcv has CARAFE on GPUs only')

DEFORMABLE = {kind: dict(backbone=dict(depth=50, dcn=dict(type=kind, deform_groups=1, fallback_on_stride=False),
                                       stage_with_dcn=(False, True, True, True)),
                         neck=dict(in_channels=[32, 64, 128, 256])) for kind in ('DCN', 'DCNv2')}
CARAFE = dict(neck=dict(type='FPN_CARAFE', start_level=1, num_outs=3, order=('conv', 'norm', 'act'),
                        upsample_cfg=dict(type='carafe', up_kernel=5, up_group=1, encoder_kernel=3, encoder_dilation=1,
                                          compressed_channels=8)))


@pytest.mark.parametrize(('name', 'changes'), [
    pytest.param('retinanet', {}, id='retinanet'), pytest.param('faster-rcnn', {}, id='faster-rcnn'),
    pytest.param('mask-rcnn', {}, id='mask-rcnn'), pytest.param('faster-rcnn', DEFORMABLE['DCN'], id='dcn'),
    pytest.param('faster-rcnn', DEFORMABLE['DCNv2'], id='dcnv2'),
    pytest.param('dino', dict(test_cfg=dict(max_per_img=20)), id='dino'),
    pytest.param('faster-rcnn', CARAFE, id='carafe', marks=NO_KERNEL)])
def test_same_losses_gradients_and_detections(name, changes):
    init_default_scope('mmdet')
    results = []
    torch.manual_seed(0)
    detector = MODELS.build(tiny_detector(name, **changes))
    detector.init_weights()
    for parameter_name, parameter in detector.named_parameters():
        if 'conv_offset' in parameter_name:  # zeros, with which a deformable convolution is a plain one
            torch.nn.init.normal_(parameter, std=0.5)
        elif parameter_name.endswith(('cls.weight', 'cls.bias')):
            torch.nn.init.normal_(parameter, std=0.3)  # scores that differ, so that their order is certain
    batch = demo_mm_inputs(2, [(3, 96, 128), (3, 96, 128)], num_classes=3, with_mask=True, device=DEVICE)
    detector.to(DEVICE)
    for operations in (OURS, mmcv._ext):
        one = copy.deepcopy(detector)
        with operations_of(operations):
            data = one.data_preprocessor(copy.deepcopy(batch), training=True)
            torch.manual_seed(1)
            losses = one(**data, mode='loss')
            total, _ = one.parse_losses(losses)
            total.backward()
            with torch.no_grad():
                found = one.eval()(**one.data_preprocessor(copy.deepcopy(batch), training=False), mode='predict')
        results.append((losses, {key: value.grad for key, value in one.named_parameters()},
                        [sample.pred_instances for sample in found]))
    (losses, gradients, found), (expected_losses, expected_gradients, expected) = results
    torch.testing.assert_close(losses, expected_losses, rtol=1e-5, atol=1e-5)
    for key, gradient in expected_gradients.items():
        if gradient is not None:
            torch.testing.assert_close(gradients[key], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))
    for mine, others in zip(found, expected, strict=True):
        assert len(mine) > 0
        assert mine.labels.tolist() == others.labels.tolist()
        torch.testing.assert_close(mine.bboxes, others.bboxes, rtol=0, atol=1e-4)
        torch.testing.assert_close(mine.scores, others.scores, rtol=0, atol=1e-5)
        if 'masks' in mine:
            assert torch.equal(mine.masks, others.masks)
