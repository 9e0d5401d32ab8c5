"""The map of class logits, compared with what mmdet's heads return and how mmdet's own code reads it."""

from functools import partial

import pytest
import torch
from mmdet.models import dense_heads
from mmdet.registry import MODELS
from torch import nn

from imbdet.heads import find_class_layers

from ..tiny_detectors import DETECTORS, PRODUCTS, tiny_detector

FAMILIES = [*(name for name in DETECTORS if name != 'rpn'), *PRODUCTS]
CLASS = 1


@pytest.fixture(scope='module')
def image():
    return torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))


def build(name):
    """Build a detector with initial weights; without, DINO's level embeddings are what was in the memory before."""
    torch.manual_seed(0)
    detector = MODELS.build(tiny_detector(name)).eval()
    detector.init_weights()
    return detector


def class_probabilities(detector, image):
    """Probabilities of all anchors, regions or queries, read as mmdet's own predict_by_feat does, shape (n, C or C + 1)."""
    rois = torch.tensor([[0.0, 10, 10, 60, 50], [0, 5, 30, 90, 90]])
    features = detector.extract_feat(image)
    if hasattr(detector, 'roi_head'):
        roi_head = detector.roi_head
        stages = range(roi_head.num_stages) if hasattr(roi_head, 'num_stages') else [()]
        found = [roi_head._bbox_forward(*([stage] if stage != () else []), features, rois)['cls_score'] for stage in stages]
        return torch.cat(found).softmax(-1)
    head = detector.bbox_head
    if isinstance(head, dense_heads.DETRHead):
        logits = query_logits(detector, head, features)
        return (logits.sigmoid() if head.loss_cls.use_sigmoid else logits.softmax(-1)).flatten(0, -2)
    outputs = head(features)[0]
    if isinstance(head, dense_heads.YOLOV3Head):
        return torch.cat([level.permute(0, 2, 3, 1).reshape(-1, head.num_attrib)[:, 5:] for level in outputs]).sigmoid()
    rows = torch.cat([level.permute(0, 2, 3, 1).reshape(-1, head.cls_out_channels) for level in outputs])
    if isinstance(head, dense_heads.SSDHead):
        return rows.softmax(-1)
    return rows if isinstance(head, dense_heads.TOODHead) else rows.sigmoid()  # TOOD returns probabilities


def query_logits(detector, head, features):
    """Logits of all decoder layers, from mmdet's own forward pass with an image without padding."""
    from mmdet.structures import DetDataSample
    sample = DetDataSample(metainfo=dict(img_shape=(96, 128), batch_input_shape=(96, 128), scale_factor=(1, 1)))
    seen = []
    handle = head.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[0]))
    inputs = detector.forward_transformer(features, [sample])
    head(**{key: value for key, value in inputs.items() if key in ('hidden_states', 'references')})
    handle.remove()
    return seen[-1]


@pytest.mark.parametrize('name', FAMILIES)
def test_only_the_meant_class_changes(name, image):
    """Taking a class out at its layers takes it out of the probabilities, and leaves the order of the others."""
    detector = build(name)
    with torch.no_grad():
        before = class_probabilities(detector, image)
        lowered = torch.zeros(3)
        lowered[CLASS] = -1e4
        for each in find_class_layers(detector):
            vector = each.spread(lowered, 0.0)
            each.layer.register_forward_hook(partial(lambda vector, layer, inputs, output: output + vector, vector))
        after = class_probabilities(detector, image)
    assert before.shape == after.shape
    assert (before[:, CLASS] > 1e-6).all()
    assert (after[:, CLASS] < 1e-6).all()
    others = [column for column in range(before.shape[1]) if column != CLASS]
    before, after = before[:, others], after[:, others]
    if any(each.has_background for each in find_class_layers(detector)):
        before = before / before.sum(1, keepdim=True)
    if name not in ('deformable-detr', 'dino', 'cascade-rcnn'):  # whose later layers see other boxes
        assert torch.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize('name', [name for name in FAMILIES if name not in ('tood', 'yolof')])
def test_rows_are_those_of_mmdet(name, image):
    detector = build(name)
    seen = []
    for each in find_class_layers(detector):
        each.layer.register_forward_hook(partial(lambda each, layer, inputs, output: seen.append(each.rows(output)), each))
    with torch.no_grad():
        expected = class_probabilities(detector, image)
    rows = torch.cat(seen)
    has_background = find_class_layers(detector)[0].has_background
    assert has_background == (name in ('ssd', 'detr', 'faster-rcnn', 'mask-rcnn', 'cascade-rcnn'))
    found = rows.softmax(-1) if has_background else rows.sigmoid()
    if name == 'dino':  # the encoder's branch comes first, of all tokens
        found = found[-len(expected):]
    assert torch.allclose(found, expected, atol=1e-6)


def test_names_and_shapes():
    detector = MODELS.build(tiny_detector('cascade-rcnn'))
    found = find_class_layers(detector)
    assert [each.name for each in found] == [f'roi_head.bbox_head.{stage}.fc_cls' for stage in range(3)]
    assert all(detector.get_submodule(each.name) is each.layer for each in found)
    assert found[0].channels.tolist() == [[0, 1, 2]]
    assert found[0].spread(torch.tensor([1.0, 2, 3]), 9.0).tolist() == [1, 2, 3, 9]
    anchors = find_class_layers(MODELS.build(tiny_detector('retinanet')))[0]
    assert anchors.channels.tolist() == [[3 * anchor, 3 * anchor + 1, 3 * anchor + 2] for anchor in range(9)]
    assert anchors.spread(torch.tensor([1.0, 2, 3]), 9.0).shape == (27, 1, 1)


def test_shared_branches_are_one_layer():
    """Without box refinement, the decoder layers of a Deformable DETR share one branch."""
    assert len(find_class_layers(MODELS.build(tiny_detector('deformable-detr')))) == 1
    refined = MODELS.build(tiny_detector('deformable-detr', with_box_refine=True))
    assert len(find_class_layers(refined)) == 2


def test_seesaw_has_two_more_logits():
    detector = MODELS.build(tiny_detector('faster-rcnn', roi_head=dict(bbox_head=dict(
        loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=3)))))
    layer = find_class_layers(detector)[0]
    assert (layer.num_outputs, layer.channels.tolist(), layer.has_background) == (5, [[0, 1, 2]], False)
    assert layer.spread(torch.ones(3), 0.0).tolist() == [1, 1, 1, 0, 0]


def test_what_is_not_known_is_named():
    with pytest.raises(ValueError, match='RPN has no head whose class logits are known'):
        find_class_layers(MODELS.build(tiny_detector('rpn')))
    unknown = nn.Module()
    unknown.head = nn.Module()
    unknown.head.loss_cls, unknown.head.num_classes = nn.Module(), 3
    with pytest.raises(ValueError, match='head is a Module, of which it is not known which layer gives the class logits'):
        find_class_layers(unknown)
    detector = MODELS.build(tiny_detector('retinanet'))
    detector.bbox_head.retina_cls = nn.Identity()
    with pytest.raises(ValueError, match=r'bbox_head.retina_cls of a RetinaHead is a Identity; class logits are expected from'):
        find_class_layers(detector)
    detector.bbox_head.retina_cls = nn.Conv2d(16, 10, 1)
    with pytest.raises(ValueError, match='bbox_head.retina_cls has 10 outputs, which are not 3 for each anchor'):
        find_class_layers(detector)
