"""The map of heads against what mmdet's heads are seen to do."""

import pytest
from mmdet.models.losses import CrossEntropyLoss, FocalLoss
from mmdet.registry import MODELS
from torch import nn

from imbdet.heads import HEAD_SPECS, find_heads, head_spec

from ..tiny_detectors import DETECTORS, tiny_detector


@pytest.mark.parametrize('name', DETECTORS)
def test_layers_make_the_logits(name):
    """What a head's layers return has the channels of its classes, per anchor; and every head is known."""
    detector = MODELS.build(tiny_detector(name))
    heads = find_heads(detector)
    assert heads
    for head in heads.values():
        assert head.spec == head_spec(head.module)
        assert head.layers, f'{head.name} is not known'
        assert all(detector.get_submodule(path) is layer for path, layer in head.layers.items())
        for layer in head.layers.values():
            channels = layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features
            anchors = getattr(head.module, 'num_base_priors', 1)  # mmdet's own number; of SSD a list, one per level
            assert head.num_anchors(channels) in (anchors if isinstance(anchors, list) else [anchors])
            outputs = 5 + 3 if name == 'yolov3' else head.num_outputs  # x, y, w, h, objectness and classes in one tensor
            assert channels == head.num_anchors(channels) * outputs
        loss = getattr(head.module, 'loss_cls', None)
        if not head.spec.objectness and isinstance(loss, CrossEntropyLoss | FocalLoss):
            assert head.has_background != loss.use_sigmoid


def test_every_spec_names_an_attribute_of_its_class():
    """Against mmdet's source: the layer is set where the class is built, the loss is, too."""
    import inspect
    for head, spec in HEAD_SPECS.items():
        source = ''.join(inspect.getsource(base) for base in head.__mro__ if base.__module__.startswith('mmdet'))
        for name in (spec.layer, spec.loss):
            assert not name or f'self.{name}' in source, f'{head.__name__}.{name}'


def test_heads_by_hand():
    detector = nn.Module()
    detector.own = nn.Module()
    detector.own.loss_cls, detector.own.num_classes = CrossEntropyLoss(use_sigmoid=True), 3
    detector.own.classify = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 6, 1))
    assert not find_heads(detector)['own'].layers  # not known
    head = find_heads(detector, {'own': 'classify'})['own']
    assert list(head.layers) == ['own.classify.1']
    assert (head.num_classes, head.num_outputs, head.has_background, head.is_trained) == (3, 3, False, True)
    assert head.num_anchors(head.layers['own.classify.1'].out_channels) == 2
    assert head.loss is detector.own.loss_cls
    with pytest.raises(ValueError, match='own has a layer of 7 outputs, which are not 3 per anchor'):
        head.num_anchors(7)
    detector.requires_grad_(False)
    assert not find_heads(detector)['own'].is_trained
    with pytest.raises(ValueError, match="layers: own, a Module, has no 'klassify'"):
        find_heads(detector, {'own': 'klassify'})
    with pytest.raises(ValueError, match='layers: the detector has no other; its heads are own'):
        find_heads(detector, {'other': 'x'})


def test_a_teacher_does_not_train():
    """Of SoftTeacher's two detectors one is the average of the other."""
    preprocessor = dict(type='MultiBranchDataPreprocessor', data_preprocessor=dict(type='DetDataPreprocessor'))
    config = dict(type='SoftTeacher', detector=tiny_detector('faster-rcnn'), semi_train_cfg=dict(freeze_teacher=True),
                  data_preprocessor=preprocessor)
    heads = find_heads(MODELS.build(config))
    assert {name for name, head in heads.items() if head.is_trained} == {'student.rpn_head', 'student.roi_head.bbox_head'}
    assert {name for name, head in heads.items() if not head.is_trained} == {'teacher.rpn_head', 'teacher.roi_head.bbox_head'}
