"""Which classes count: by lists of each image, on every kind of head, and by draws."""

import json

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.registry import TRANSFORMS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from imbdet.annotations import AnnotationError
from imbdet.classes import ClassCounts, dataset_counts
from imbdet.heads import find_class_layers
from imbdet.losses import FederatedLoss, FederationHook
from imbdet.losses.federated_classes import draw_classes
from imbdet.losses.federation_hook import _flat
from imbdet.losses.listed_classes import listed_classes
from imbdet.training.class_counts_hook import asking_modules

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, scalars, write_training_set

# By image: classes that it does not show and lists as absent, and those whose objects may lack boxes.
LISTS = [([], [0]), ([1], [])]
LABELS = [[0, 0, 2], [2, 2, 2]]
COUNTING = torch.tensor([[True, False, True], [False, True, True]])
OPEN_ENDED = torch.tensor([[True, False, False], [False, False, False]])


def write_lists(folder, lists=LISTS):
    """Two images of known classes, with lists."""
    write_training_set(folder, num_images=2)
    path = folder / 'train.json'
    content = json.loads(path.read_text())
    for image, (absent, open_ended) in zip(content['images'], lists, strict=True):
        image.update(neg_category_ids=absent, not_exhaustive_category_ids=open_ended)
    for box, label in zip(content['annotations'], np.concatenate(LABELS).tolist(), strict=True):
        box['category_id'] = label
    path.write_text(json.dumps(content))


def loss_of(name):
    inner = dict(type='QualityFocalLoss' if name in ('gfl', 'rtmdet') else 'FocalLoss', use_sigmoid=True)
    if 'rcnn' in name:
        inner = dict(type='CrossEntropyLoss', use_sigmoid=True)
    federated = dict(type='FederatedLoss', use_sigmoid=True, negatives='listed', loss=inner)
    if name == 'fcos':  # inside another one
        return dict(type='ClassWeighted', use_sigmoid=True, loss=federated, weights=[1, 1, 1])
    return federated


def gradients(runner, batch):
    """Of each call of a class layer: the layer, the gradient of what it gave, and the image of each of its rows."""
    kept, rows = [], []

    def keep(layer, outputs):
        outputs.retain_grad()
        kept.append((layer, outputs, rows[-1] if rows else torch.arange(2)))

    handles = [each.layer.register_forward_hook(lambda module, inputs, outputs, each=each: keep(each, outputs), prepend=True)
               for each in find_class_layers(runner.model)]
    handles += [module.register_forward_pre_hook(lambda module, inputs: rows.append(inputs[1][:, 0].long()))
                for name, module in runner.model.named_modules() if isinstance(module, SingleRoIExtractor)]
    torch.manual_seed(0)
    runner.model.train()
    losses = runner.model(**runner.model.data_preprocessor(batch, True), mode='loss')
    runner.model.parse_losses(losses)[0].backward()
    for handle in handles:
        handle.remove()
    return [(layer, outputs.grad, images) for layer, outputs, images in kept]


@pytest.mark.parametrize('name', ['retinanet', 'fcos', 'gfl', 'faster-rcnn', 'cascade-rcnn', 'deformable-detr', 'dino', 'yolox',
                                  'rtmdet', 'detr'])
def test_lists_on_every_kind_of_head(tmp_path, name):
    """What does not count has no gradient, what is open-ended none that lowers it, and all else the plain loss's.

    The reference is the same step without the hook.
    """
    write_lists(tmp_path)
    config = tiny_detector(name)
    heads = config.roi_head.bbox_head if 'roi_head' in config else config.bbox_head
    for head in heads if isinstance(heads, list) else [heads]:
        head.loss_cls = loss_of(name)
    torch.manual_seed(0)
    runner = make_runner(tmp_path, config, flip=0.0)
    runner.model.init_weights()
    for _, module in asking_modules(runner.model):
        module.set_class_counts(dataset_counts(runner.train_dataloader.dataset))
    runner.train_dataloader.sampler.shuffle = False
    batch = next(iter(runner.train_dataloader))
    before = gradients(runner, batch)
    hook = FederationHook()
    runner._iter = 0
    hook.before_train(runner)
    after = gradients(runner, batch)
    hook.after_train(runner)
    assert len(before) == len(after) > 0
    changed = torch.zeros(2, 3, dtype=torch.bool)
    for (layer, plain, images), (_, found, same) in zip(before, after, strict=True):
        assert torch.equal(images, same)
        plain, found = (by_class(layer, values) for values in (plain, found))
        if name == 'detr':  # all decoder layers at once, before the images
            plain, found = plain.movedim(0, 1), found.movedim(0, 1)
        counting, open_ended = (mask[images].view(len(plain), *[1] * (plain.dim() - 2), 3) for mask in (COUNTING, OPEN_ENDED))
        expected = torch.where(open_ended, plain.clamp(max=0), plain) * counting
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
        changed |= torch.stack([(found != plain)[images == image].flatten(0, -2).any(0) for image in range(2)])
    assert changed.tolist() == [[True, True, False], [True, False, False]]


def by_class(layer, values):
    """Class logits last, shape (images or regions, ..., C)."""
    if not layer.is_linear:
        values = values.movedim(1, -1)
    return values[..., layer.channels]


def test_lists_of_a_semi_supervised_detector():
    """Its branches have images without lists; draws are of the boxes of all branches."""
    sample = DetDataSample(gt_instances=InstanceData(labels=torch.tensor([1])))
    branches = {'sup': [sample], 'unsup_student': [sample, sample]}
    assert _flat(branches, goes_by_lists=False) == [sample] * 3
    with pytest.raises(ValueError, match="semi-supervised .*use negatives='sampled'"):
        _flat(branches, goes_by_lists=True)


def test_lists_of_heads_that_are_not_known(tmp_path):
    """A loss that no head with known logits has is an error, not left alone."""
    write_lists(tmp_path)
    config = tiny_detector('yolof')
    config.bbox_head.loss_cls = loss_of('yolof')
    with pytest.raises(ValueError, match="needs heads whose class logits are known and no products"):
        make_runner(tmp_path, config).train()


def test_lists_are_those_of_the_file(tmp_path):
    write_lists(tmp_path)
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    table = listed_classes(runner.train_dataloader.dataset)
    by_name = {path.rpartition('/')[2]: classes for path, classes in table.items()}
    assert by_name['0.png'].counting.tolist() == [0, 2]
    assert by_name['0.png'].open_ended.tolist() == [0]
    assert by_name['1.png'].counting.tolist() == [1, 2]
    assert by_name['1.png'].open_ended.tolist() == []


def test_training_by_lists(tmp_path):
    write_lists(tmp_path)
    config = tiny_detector('faster-rcnn')
    config.roi_head.bbox_head.loss_cls = loss_of('faster-rcnn')
    make_runner(tmp_path, config).train()
    assert all(np.isfinite(line['loss']) for line in scalars(tmp_path / 'work'))


def test_a_file_without_lists(tmp_path):
    write_training_set(tmp_path)
    config = tiny_detector('retinanet')
    config.bbox_head.loss_cls = loss_of('retinanet')
    with pytest.raises(AnnotationError, match=r"train\.json: image 0 has no neg_category_ids .*negatives='sampled'"):
        make_runner(tmp_path, config).train()


def test_mixed_images_have_no_lists(tmp_path):
    write_lists(tmp_path)
    config = tiny_detector('retinanet')
    runner = make_runner(tmp_path, config)
    dataset = runner.train_dataloader.dataset
    dataset.pipeline.transforms.append(TRANSFORMS.build(dict(type='CachedMosaic', img_scale=(96, 128))))
    with pytest.raises(ValueError, match=r'CachedMosaic mixes images'):
        listed_classes(dataset)


@pytest.mark.parametrize(('shown', 'num_kept', 'total'), [([0], 2, 2), ([0, 1, 2], 2, 3), ([], 2, 2), ([4], 50, 5)])
def test_draws(shown, num_kept, total):
    """The classes that are shown, and others up to the number; all of them if there are no more."""
    mask = torch.zeros(5, dtype=torch.bool)
    mask[shown] = True
    kept = draw_classes(mask, torch.ones(5), num_kept, torch.Generator().manual_seed(0))
    assert kept.sum() == total
    assert kept[mask].all()


def test_draws_follow_the_weights():
    """Without replacement, one of three beside a shown one: 1 to 3 to 6."""
    shown = torch.tensor([True, False, False, False])
    generator = torch.Generator().manual_seed(0)
    counts = sum(draw_classes(shown, torch.tensor([9.0, 1, 3, 6]), 2, generator).double() for _ in range(4000)) / 4000
    np.testing.assert_allclose(counts, [1, 0.1, 0.3, 0.6], atol=0.03)


def test_a_step_draws_again():
    """The same step draws the same classes, another step or seed others."""
    drawn = {}
    for seed, step in ((0, 1), (0, 1), (0, 2), (1, 1)):
        loss = FederatedLoss(loss=dict(type='FocalLoss', use_sigmoid=True), num_kept=20, seed=seed)
        loss.set_class_counts(ClassCounts(np.arange(1, 101), np.arange(1, 101), 100))
        loss.start_step(torch.zeros(100, dtype=torch.bool), step)
        drawn.setdefault((seed, step), []).append(tuple(loss._kept.tolist()))
    assert len({kept for kepts in drawn.values() for kept in kepts}) == 3


def test_classes_that_do_not_count():
    """They have neither loss nor gradient; all else is the loss alone."""
    loss = FederatedLoss(loss=dict(type='FocalLoss', use_sigmoid=True), num_kept=1)
    loss.set_class_counts(ClassCounts(np.ones(3, int), np.ones(3, int), 3))
    loss.start_step(torch.tensor([True, False, True]), 0)
    logits = torch.randn(6, 3, requires_grad=True)
    labels = torch.tensor([0, 3, 2, 3, 0, 3])
    elements = loss(logits, labels, reduction_override='none')
    elements.sum().backward()
    assert not elements[:, 1].any()
    assert not logits.grad[:, 1].any()
    torch.testing.assert_close(elements[:, [0, 2]], loss.loss(logits, labels, reduction_override='none')[:, [0, 2]])


def test_a_background_counts():
    """The output of the background, which a loss of box heads may have, is none of the classes."""
    loss = FederatedLoss(loss=dict(type='EqualizationLossV2'), num_kept=1)
    counts = ClassCounts(np.ones(3, int), np.ones(3, int), 3)
    for each in (loss, loss.loss):
        each.set_class_counts(counts)
    assert loss.get_cls_channels(3) == 4
    loss.start_step(torch.tensor([True, False, True]), 0)
    logits = torch.randn(6, 4, requires_grad=True)
    labels = torch.tensor([0, 3, 2, 3, 0, 3])
    gradients = []
    for compute in (loss, loss.loss):
        logits.grad = None
        compute(logits, labels, reduction_override='sum').backward()
        gradients.append(logits.grad)
    assert not gradients[0][:, 1].any()
    torch.testing.assert_close(gradients[0][:, [0, 2, 3]], gradients[1][:, [0, 2, 3]])
    torch.testing.assert_close(loss.get_activation(logits), loss.loss.get_activation(logits))


def test_nothing_was_drawn():
    loss = FederatedLoss(loss=dict(type='FocalLoss', use_sigmoid=True))
    loss.set_class_counts(ClassCounts(np.ones(3, int), np.ones(3, int), 3))
    with pytest.raises(RuntimeError, match='no classes were drawn'):
        loss(torch.zeros(2, 3, requires_grad=True), torch.tensor([0, 3]))


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(num_kept=0), 'num_kept must be at least 1, got 0'), (dict(power=-1), 'power must be at least 0, got -1'),
    (dict(negatives='all'), "must be 'sampled' or 'listed', got 'all'"),
    (dict(negatives='listed', loss=dict(type='EqualizedFocalLoss')), "use 'sampled'"),
    (dict(loss=dict(type='CrossEntropyLoss')), 'write use_sigmoid=False beside loss='),
    (dict(loss=dict(type='CrossEntropyLoss'), use_sigmoid=False), 'needs a loss of sigmoids')])
def test_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        FederatedLoss(**{'loss': dict(type='FocalLoss', use_sigmoid=True), **settings})
