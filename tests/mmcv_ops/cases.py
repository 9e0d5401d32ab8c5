"""Inputs on which imbdet.mmcv_ops and compiled mmcv are compared, forward and backward, through mmcv's own functions.

They are made by numpy's RandomState, whose numbers are the same with every version, so that outputs of compiled mmcv can be
stored: ``python -m tests.mmcv_ops.make_reference``.
"""

import contextlib
import functools
import importlib
import itertools
import types
from collections.abc import Callable, Iterator

import mmcv.ops
import numpy as np
import torch
from torch import Tensor

from imbdet.mmcv_ops import extension

CALLERS = [importlib.import_module(f'mmcv.ops.{name}') for name in (
    'carafe', 'deform_conv', 'deform_roi_pool', 'focal_loss', 'masked_conv', 'modulated_deform_conv',
    'multi_scale_deform_attn', 'nms', 'roi_align', 'roi_pool')]
"""mmcv's modules that call an operation; each keeps ``mmcv._ext`` as ``ext_module``."""

OURS = types.ModuleType('mmcv._ext')
extension.fill(OURS)


@contextlib.contextmanager
def operations_of(module: types.ModuleType) -> Iterator[None]:
    """Let mmcv's functions call the operations of ``module``."""
    before = [caller.ext_module for caller in CALLERS]
    try:
        for caller in CALLERS:
            caller.ext_module = module
        yield
    finally:
        for caller, kept in zip(CALLERS, before, strict=True):
            caller.ext_module = kept


def with_gradients(function: Callable[..., Tensor], *inputs: Tensor) -> dict[str, np.ndarray]:
    """Output of a function, and the gradients of a weighted sum of it by all its inputs."""
    leaves = [value.clone().requires_grad_() for value in inputs]
    output = function(*leaves)
    (output * torch.linspace(-1, 1, output.numel()).view_as(output).to(output)).sum().backward()
    return {'output': output.detach().numpy(), **{f'gradient{i}': leaf.grad.numpy() for i, leaf in enumerate(leaves)}}


def boxes(random: np.random.RandomState, number: int, size: float = 100.0) -> Tensor:
    """Corners of boxes; of ten or more, some are equal, some without area, some partly or wholly outside."""
    corner, side = random.rand(number, 2) * size, random.rand(number, 2) * size * 0.4
    found = torch.tensor(np.concatenate([corner, corner + side], 1), dtype=torch.float32)
    if number >= 10:
        found[::7] = found[0]
        found[1] = found[2] = torch.tensor([5.0, 5.0, 5.0, 5.0])
        found[3] = torch.tensor([-20.0, -20.0, 2 * size, 2 * size])
        found[4] = torch.tensor([9 * size, 9 * size, 9.1 * size, 9.2 * size])
        found[5, 2] = found[5, 0]
    return found


def scores(random: np.random.RandomState, number: int, ties: bool = False) -> Tensor:
    """Scores, all different or with many ties."""
    found = random.rand(number).round(1) if ties else random.permutation(number) / max(number, 1)
    return torch.tensor(found, dtype=torch.float32)


def nms(number: int, threshold: float, offset: int, ties: bool = False) -> dict[str, np.ndarray]:
    """Hard NMS and the groups of nms_match."""
    random = np.random.RandomState(number)
    found, confidence = boxes(random, number), scores(random, number, ties)
    dets, keep = mmcv.ops.nms(found, confidence, threshold, offset=offset)
    limited = mmcv.ops.nms(found.t().contiguous().t(), confidence, threshold, offset=offset, score_threshold=0.3, max_num=5)[1]
    groups = mmcv.ops.nms_match(torch.cat([found, confidence[:, None]], 1), threshold)
    members = [torch.cat(groups) if groups else torch.zeros(0), torch.tensor([len(group) for group in groups])]
    return dict(zip(('dets', 'keep', 'limited', 'members', 'sizes'),
                    (value.numpy() for value in (dets, keep, limited, *members)), strict=True))


def batched_nms(class_agnostic: bool, split: int, kind: str) -> dict[str, np.ndarray]:
    """NMS by class, as detectors call it."""
    random = np.random.RandomState(7)
    classes = torch.tensor(random.randint(0, 5, 80))
    settings = dict(type=kind, iou_threshold=0.5, split_thr=split)
    dets, keep = mmcv.ops.batched_nms(boxes(random, 80), scores(random, 80), classes, settings, class_agnostic)
    return {'dets': dets.numpy(), 'keep': keep.numpy()}


def soft_nms(number: int, method: str, offset: int) -> dict[str, np.ndarray]:
    """Soft NMS."""
    random = np.random.RandomState(number)
    dets, keep = mmcv.ops.soft_nms(boxes(random, number), scores(random, number, ties=True), 0.3, 0.5, 0.05, method, offset)
    return {'dets': dets.numpy(), 'keep': keep.numpy()}


def roi_align(number: int, mode: str, aligned: bool, ratio: int, scale: float) -> dict[str, np.ndarray]:
    """RoIAlign; mmcv's CPU kernel reads a map that is not contiguous as if it were, so the map is contiguous here."""
    random = np.random.RandomState(number)
    features = torch.tensor(random.randn(2, 3, 9, 8), dtype=torch.float32)
    regions = boxes(random, number, 8 / scale)
    if mode == 'max' and aligned:  # in a region of no area mmcv's maximum is of nothing, here it is 0
        regions[:, 2:] = torch.maximum(regions[:, 2:], regions[:, :2] + 1)
    rois = torch.cat([torch.tensor(random.randint(0, 2, (number, 1))).float(), regions], 1)
    return with_gradients(lambda value: mmcv.ops.roi_align(value, rois, (2, 3), scale, ratio, mode, aligned), features)


def deform_conv(images: int, stride: int | tuple, padding: int | tuple, dilation: int, groups: int, deform_groups: int,
                kernel: tuple[int, int], modulated: bool, bias: bool = False) -> dict[str, np.ndarray]:
    """Deformable convolution, with displacements that leave the map."""
    random = np.random.RandomState(images)

    def tensor(*shape: int) -> Tensor:
        return torch.tensor(random.randn(*shape), dtype=torch.float32)

    weight = tensor(4, 4 // groups, *kernel)
    size = torch.nn.functional.conv2d(torch.zeros(1, 1, 7, 9), torch.zeros(1, 1, *kernel), stride=stride, padding=padding,
                                      dilation=dilation).shape[2:]
    places = deform_groups * kernel[0] * kernel[1]
    features, offset = tensor(images, 4, 7, 9), 2 * tensor(images, 2 * places, *size)
    if not modulated:
        return with_gradients(lambda *values: mmcv.ops.deform_conv2d(*values, stride, padding, dilation, groups,
                                                                     deform_groups), features, offset, weight)
    inputs = [features, offset, tensor(images, places, *size).sigmoid(), weight, *([tensor(4)] if bias else [])]
    rest = [*([] if bias else [None]), stride, padding, dilation, groups, deform_groups]
    return with_gradients(lambda *values: mmcv.ops.modulated_deform_conv2d(*values, *rest), *inputs)


def larger_offsets(images: int, stride: int) -> dict[str, np.ndarray]:
    """Displacements and weights of a larger map than the output, as mmdet's DyHead gives them."""
    random = np.random.RandomState(images)
    shapes = ((images, 4, 7, 9), (images, 18, 14, 18), (images, 9, 14, 18), (4, 4, 3, 3))
    features, offset, mask, weight = (torch.tensor(random.randn(*shape), dtype=torch.float32) for shape in shapes)
    return with_gradients(lambda *values: mmcv.ops.modulated_deform_conv2d(*values, None, stride, 1), features, offset,
                          mask.sigmoid(), weight)


def _named(functions: list[functools.partial]) -> dict[str, Callable[[], dict[str, np.ndarray]]]:
    return {' '.join([function.func.__name__, *map(str, function.args)]): function for function in functions}


def _cases() -> dict[str, Callable[[], dict[str, np.ndarray]]]:
    functions = [functools.partial(nms, *values) for values in itertools.product((0, 1, 12, 300), (0.1, 0.5, 0.7), (0, 1))]
    functions += [functools.partial(batched_nms, *values)
                  for values in ((False, 10000, 'nms'), (True, 10000, 'nms'), (False, 50, 'nms'), (False, 10000, 'soft_nms'))]
    functions += [functools.partial(soft_nms, *values)
                  for values in itertools.product((0, 1, 40), ('naive', 'linear', 'gaussian'), (0, 1))]
    functions += [functools.partial(roi_align, *values)
                  for values in itertools.product((0, 11), ('avg', 'max'), (True, False), (0, 2), (1.0, 0.25))]
    for geometry in ((1, 1, 1, 1, 1, (3, 3)), ((2, 1), (0, 2), 2, 1, 2, (3, 3)), ((1, 2), (1, 0), 1, 4, 4, (3, 1)),
                     (2, 0, 1, 2, 1, (1, 1))):
        functions += [functools.partial(deform_conv, images, *geometry, *kind)
                      for images in (1, 3) for kind in ((False, ), (True, False), (True, True))]
    functions += [functools.partial(larger_offsets, images, stride) for images in (1, 3) for stride in (1, 2)]
    return _named(functions)


CASES = _cases()
"""Functions by name; their outputs are stored."""
TIED = _named([functools.partial(nms, number, 0.5, offset, True) for number in (12, 300) for offset in (0, 1)])
"""Their outputs are not: mmcv sorts equal scores in an order that depends on the processor."""
