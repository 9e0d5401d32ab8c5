"""The loss against a loop over positives, and in mmdet's RoI heads."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from ..test_configs import CONFIGS
from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set


def positive_mean(**loss):
    return MODELS.build(dict(type='PositiveMeanLoss', loss=loss))


def overlap(first, second):
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize('weighted', [False, True])
def test_deltas_equal_a_loop(weighted):
    generator = torch.Generator().manual_seed(0)
    pred, target = torch.randn(7, 4, generator=generator), torch.randn(7, 4, generator=generator)
    weight = torch.rand(7, 1, generator=generator).expand(7, 4) if weighted else None
    rows = weight[:, 0].tolist() if weighted else [1] * 7
    total = sum(row * abs(a - b) for row, one, other in zip(rows, pred.tolist(), target.tolist(), strict=True)
                for a, b in zip(one, other, strict=True))
    expected = 3 * total / (4 * sum(rows))
    loss = positive_mean(type='L1Loss', loss_weight=3.0)
    assert loss(pred, target, weight, avg_factor=1000).item() == pytest.approx(expected, rel=1e-5)
    assert loss(pred, target, weight, reduction_override='sum').item() == pytest.approx(3 * total, rel=1e-5)
    assert loss(pred, target, weight, reduction_override='none').shape == (7, 4)


def test_boxes_equal_a_loop():
    pred = torch.tensor([[0., 0., 10., 10.], [5., 5., 15., 25.]])
    target = torch.tensor([[2., 0., 12., 10.], [5., 5., 15., 15.]])
    expected = sum(1 - overlap(*boxes) for boxes in zip(pred.tolist(), target.tolist(), strict=True)) / 2
    loss = positive_mean(type='IoULoss', mode='linear')
    assert loss(pred, target, torch.ones(2, 4), avg_factor=50).item() == pytest.approx(expected, rel=1e-5)


def test_nothing_positive():
    pred = torch.zeros(0, 4, requires_grad=True)
    loss = positive_mean(type='SmoothL1Loss')(pred, torch.zeros(0, 4), torch.zeros(0, 4), avg_factor=512)
    loss.backward()
    assert (loss.item(), pred.grad.shape) == (0, (0, 4))
    pred = torch.ones(2, 4, requires_grad=True)
    assert positive_mean(type='L1Loss')(pred, torch.zeros(2, 4), torch.zeros(2, 4)).item() == 0  # all of weight 0


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('sampling_free/*rcnn*.py')), ids=lambda path: path.stem)
def test_configs_have_the_divisor_and_the_scale_of_the_authors(path):
    """Regression: smooth_l1 or L1 / (4 positives). Classification: guided to twice the regression, in every RoI head."""
    config = Config.fromfile(path)
    heads = config.model.roi_head.bbox_head
    heads = {'': heads} if isinstance(heads, dict) else {f's{stage}.': head for stage, head in enumerate(heads)}
    assert next(hook for hook in config.custom_hooks if hook.type == 'GuidedLossHook').scale == {
        f'{prefix}loss_cls': 2.0 for prefix in heads}
    for head_config in heads.values():
        head = MODELS.build(head_config)
        classes, regions = head.num_classes, 60
        generator = torch.Generator().manual_seed(0)
        labels = torch.full((regions, ), classes)
        labels[:9] = torch.randint(0, classes, (9, ), generator=generator)
        outputs = 1 if head.reg_class_agnostic else classes
        boxes, targets = torch.randn(regions, 4 * outputs, generator=generator), torch.randn(regions, 4, generator=generator)
        weights = (labels < classes).float()[:, None].expand(-1, 4)
        loss = head.loss(torch.zeros(regions, classes + 1), boxes, torch.zeros(regions, 5), labels, torch.ones(regions),
                         targets, weights)['loss_bbox']
        chosen = [boxes.view(regions, outputs, 4)[i, 0 if outputs == 1 else labels[i]] - targets[i] for i in range(9)]
        absolute = torch.stack(chosen).abs()
        smooth = torch.where(absolute < 1, absolute**2 / 2, absolute - 0.5)
        expected = (smooth if head_config.loss_bbox.loss.type == 'SmoothL1Loss' else absolute).sum() / (4 * 9)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_in_a_training(tmp_path):
    write_training_set(tmp_path, num_images=2)
    model = tiny_detector('faster-rcnn')
    model.roi_head.bbox_head.loss_bbox = dict(type='PositiveMeanLoss', loss=model.roi_head.bbox_head.loss_bbox)
    runner = make_runner(tmp_path, model, [dict(type='GuidedLossHook', scale=dict(loss_cls=2.0))], max_iters=2)
    runner.train()
    assert all(value.isfinite().all() for value in runner.model.state_dict().values())
