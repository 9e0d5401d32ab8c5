"""The gradient of a batch against the weighted sum of gradients of its images taken one by one, for each detector.

The images are taken one by one by plain mmdet, without the hook. A loss's ``avg_factor`` depends on the whole batch, so
it is a constant on both sides.
"""

import copy
import importlib
import pkgutil

import mmdet.models
import pytest
import torch
from mmdet.models.dense_heads import Mask2FormerHead, SOLOHead, SSDHead
from mmengine.runner import Runner
from torch import nn

from imbdet.dataset_equity import DatasetEquityHook, equity_weights

from ..tiny_detectors import multi_scale, tiny_detector
from ..tiny_training import RUNS, training_config, write_training_set
from . import mask_and_query_detectors
from .write_likelihoods import write_for

AVG_FACTOR = 50.0
LIKELIHOODS = [0.0, 0.15, 0.6]

# RandomSampler draws; with room for all, it takes all.
TAKE_ALL = dict(num=5000, pos_fraction=1.0)
RPN_ALL = dict(train_cfg=dict(rpn=dict(sampler=TAKE_ALL)))
RCNN_ALL = dict(train_cfg=dict(rpn=dict(sampler=TAKE_ALL), rcnn=dict(sampler=TAKE_ALL)))
CHANGES = {
    'faster-rcnn': RCNN_ALL,
    'mask-rcnn': RCNN_ALL,
    'rpn': RPN_ALL,
    # Noise of the denoising queries would differ between batch and single images.
    'dino': dict(dn_cfg=dict(label_noise_scale=1e-12, box_noise_scale=1e-12)),
}
LISTED = ['retinanet', 'fcos', 'atss', 'gfl', 'faster-rcnn', 'cascade-rcnn', 'mask-rcnn', 'vfnet', 'yolox', 'rtmdet',
          'detr', 'deformable-detr', 'dino']
OTHERS = ['paa', 'ssd', 'rpn', 'yolov3', 'deformable-detr two-stage', 'deformable-detr refine',
          *mask_and_query_detectors.DETECTORS]
WITH_MASKS = ('rtmdet-ins', 'solo', 'decoupled-solo', 'solov2', 'maskformer', 'mask2former')
REFUSED = {
    ('sparse-rcnn', 'all'): "roi_head.bbox_head.0 \\(DIIHead: its losses have parameters that all images share.*Write "
                            "apply_to='cls' to weight the classification losses",
    ('yolov3', 'cls'): r'cannot weight bbox_head \(YOLOV3Head: its classification is in one tensor',
}
"""What cannot be weighted, and why."""


def build(name):
    """The config of a tiny detector that makes no draw while it computes its loss."""
    if name in mask_and_query_detectors.DETECTORS:
        return mask_and_query_detectors.build(name)
    base, *variant = name.split(' ')
    changes = dict(CHANGES.get(base, {}))
    if variant:  # with refinement, layers have predictors of their own; without, the encoder's is the decoder's
        changes = multi_scale(width=256, as_two_stage=True, with_box_refine=variant == ['refine'])
    model = tiny_detector(base, **changes)
    if base == 'cascade-rcnn':
        model.train_cfg.rpn.sampler.update(TAKE_ALL)
        for stage in model.train_cfg.rcnn:
            stage.sampler.update(TAKE_ALL)
    return model


@pytest.fixture
def constant_avg_factor(monkeypatch):
    """Make every mean over ranks, by which mmdet takes its avg_factors, the constant."""
    for module in pkgutil.walk_packages(mmdet.models.__path__, 'mmdet.models.'):
        imported = importlib.import_module(module.name)
        if hasattr(imported, 'reduce_mean'):
            monkeypatch.setattr(imported, 'reduce_mean', lambda tensor: torch.full_like(tensor, AVG_FACTOR))


@pytest.fixture
def constant_points(monkeypatch):
    """Compare all masks at the same points, which Mask2Former draws anew for each."""
    def points(masks, labels, number, *rest):
        return torch.rand((1, number, 2), generator=torch.Generator().manual_seed(0)).expand(len(masks), -1, -1)

    monkeypatch.setattr('mmdet.models.dense_heads.mask2former_head.get_uncertain_point_coords_with_randomness', points)


def with_constant_mean(head):
    """Make SOLO's loss of masks, a mean over the batch's positives, their sum over the constant."""
    parts = []
    head.loss_mask.register_forward_hook(lambda loss, inputs, output: parts.append(output.sum()))

    def loss_by_feat(*inputs, compute=head.loss_by_feat, **keywords):
        parts.clear()
        return dict(compute(*inputs, **keywords), loss_mask=sum(parts) / AVG_FACTOR)

    return loss_by_feat


def with_constant_draw(head):
    """Make Mask2Former assign masks by the same points each time, which it draws."""
    def targets(*inputs, compute=head._get_targets_single):
        torch.manual_seed(0)
        return compute(*inputs)

    return targets


def prepare(detector):  # noqa: C901  a list of cases
    """Fix what differs between a batch and its images: norms, dropout, avg_factors."""
    def constant(loss, inputs, keywords):
        if keywords.get('avg_factor') is not None:
            keywords['avg_factor'] = AVG_FACTOR
        return inputs, keywords

    for name, module in detector.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
        elif isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
        if name.split('.')[-1].startswith('loss'):
            module.register_forward_pre_hook(constant, with_kwargs=True)
        if name == 'roi_head.mask_head':  # its loss is a mean over the regions and knows no avg_factor
            module.loss_mask.register_forward_hook(lambda loss, inputs, output: output * len(inputs[0]) / AVG_FACTOR)
        if isinstance(module, SSDHead):  # its loss is computed inline
            module.get_targets = lambda *inputs, _targets=module.get_targets, **keys: (*_targets(*inputs, **keys)[:-1],
                                                                                      AVG_FACTOR)
        if isinstance(module, SOLOHead):
            module.loss_by_feat = with_constant_mean(module)
        if isinstance(module, Mask2FormerHead):
            module._get_targets_single = with_constant_draw(module)


@pytest.fixture
def case(tmp_path, constant_avg_factor, constant_points):
    """A function that gives a detector, a batch of three images, and their runner."""
    def make(name):
        write_training_set(tmp_path, num_images=3)
        config = training_config(tmp_path, build(name))
        config.train_dataloader.batch_size = 3
        if name in WITH_MASKS:
            config.train_dataloader.dataset.pipeline[1].with_mask = True
        config.experiment_name = f'exactness_{next(RUNS)}'
        runner = Runner.from_cfg(config)
        torch.manual_seed(1)
        runner.model.init_weights()
        detector = runner.model.train()
        with torch.no_grad():  # so that branches that start at zero, or near it, matter
            for parameter in detector.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
        prepare(detector)
        batch = detector.data_preprocessor(next(iter(runner.train_dataloader)), True)
        return runner, detector, batch

    return make


def selected(losses, apply_to):
    """Sum the losses that are weighted; an objectness classifies."""
    parts = []
    for key, value in losses.items():
        if 'loss' in key and (apply_to == 'all' or key.split('loss_')[-1] in ('cls', 'rpn_cls', 'obj')):
            parts += value if isinstance(value, list) else [value]
    assert parts
    return sum(part.sum() for part in parts)


def gradients(detector, batch, apply_to, wrt=None):
    """Gradients of the selected losses by parameter, or by what else is given."""
    samples = copy.deepcopy(batch['data_samples'])  # RTMDet-Ins changes their masks
    losses = detector(inputs=batch['inputs'], data_samples=samples, mode='loss')
    wrt = list(detector.parameters()) if wrt is None else wrt
    found = torch.autograd.grad(selected(losses, apply_to), wrt, allow_unused=True)
    return [torch.zeros_like(variable) if gradient is None else gradient
            for variable, gradient in zip(wrt, found, strict=True)]


def pixel_gradients(detector, batch):
    """Gradient of all losses by each image's pixels."""
    inputs = batch['inputs'].clone().requires_grad_()
    return gradients(detector, dict(batch, inputs=inputs), 'all', [inputs])[0]


def of_image(batch, index):
    return dict(inputs=batch['inputs'][index:index + 1], data_samples=batch['data_samples'][index:index + 1])


def weights_of(batch):
    return [float(equity_weights(LIKELIHOODS[sample.img_id])) for sample in batch['data_samples']]


def distance(found, reference):
    """How far gradients are from those they should be, as a part of these."""
    difference = [(one - other).flatten() for one, other in zip(found, reference, strict=True)]
    return float(torch.cat(difference).norm() / torch.cat([gradient.flatten() for gradient in reference]).norm())


@pytest.mark.parametrize('name', LISTED + OTHERS)
def test_weighted_sum_of_images(case, name, tmp_path):
    runner, detector, batch = case(name)
    weights = weights_of(batch)
    assert len(set(weights)) == 3
    for apply_to in ('cls', 'all'):
        if (name, apply_to) in REFUSED:
            with pytest.raises(ValueError, match=REFUSED[name, apply_to]):
                DatasetEquityHook(write_for(tmp_path, LIKELIHOODS), apply_to=apply_to).before_train(runner)
            continue
        single = [gradients(detector, of_image(batch, index), apply_to) for index in range(3)]
        wanted = [sum(weight * gradient for weight, gradient in zip(weights, parts, strict=True))
                  for parts in zip(*single, strict=True)]
        hook = DatasetEquityHook(write_for(tmp_path, LIKELIHOODS), apply_to=apply_to)
        hook.before_train(runner)
        assert distance(gradients(detector, batch, apply_to), wanted) < 2e-6
        hook.after_train(runner)
        # Detached; and the comparison is able to fail.
        assert distance(gradients(detector, batch, apply_to), wanted) > 1e-2


@pytest.mark.parametrize('name', LISTED)
def test_pixels_of_an_image_see_its_weight_alone(case, name, tmp_path):
    """The check needs no image taken by itself: the same batch, with the hook and without."""
    runner, detector, batch = case(name)
    plain = pixel_gradients(detector, batch)
    hook = DatasetEquityHook(write_for(tmp_path, LIKELIHOODS))
    hook.before_train(runner)
    weighted = pixel_gradients(detector, batch)
    for weight, image, reference in zip(weights_of(batch), weighted, plain, strict=True):
        assert reference.norm() > 0
        assert (image - weight * reference).norm() < 1e-5 * reference.norm()


@pytest.mark.parametrize('name', ['retinanet', 'mask-rcnn', 'dino'])
def test_losses_that_do_not_classify_are_left_alone(case, name, tmp_path):
    runner, detector, batch = case(name)

    def others():
        losses = detector(**batch, mode='loss')
        values = [part for key, value in losses.items() if 'loss' in key and 'cls' not in key
                  for part in (value if isinstance(value, list) else [value])]
        return torch.autograd.grad(sum(values), list(detector.parameters()), allow_unused=True)

    plain = others()
    DatasetEquityHook(write_for(tmp_path, LIKELIHOODS), apply_to='cls').before_train(runner)
    assert any(gradient is not None for gradient in plain)
    for gradient, reference in zip(others(), plain, strict=True):
        assert gradient is None if reference is None else torch.equal(gradient, reference)
