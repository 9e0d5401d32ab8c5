"""The modality loss against a loop over patches, and the reversed gradient."""

import math

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.logging import MessageHub
from torch.nn import functional

from imbdet.mipa import reversal_strength, reverse_gradient


@pytest.fixture(autouse=True)
def epoch():
    """A function that sets the training's epoch."""
    hub = MessageHub.get_current_instance()
    kept = dict(hub.runtime_info)

    def set_epoch(number, **info):
        hub.runtime_info.clear()
        hub.runtime_info.update(epoch=number, max_epochs=12, max_iters=120, **info)

    set_epoch(4)
    yield set_epoch
    hub.runtime_info.clear()
    hub.runtime_info.update(kept)


def build(stride=8, patch_size=4, **keys):
    torch.manual_seed(0)
    return MODELS.build({**dict(type='PatchModalityHead', in_channels=6, stride=stride, patch_size=patch_size,
                                feat_channels=16), **keys})


def samples(modality_map, sizes):
    """Data samples with the maps, shape (B, 1, rows, columns), or without, and image sizes."""
    of_batch = [DetDataSample(metainfo=dict(img_path=f'{index}.png', img_shape=size)) for index, size in enumerate(sizes)]
    for sample, chosen in zip(of_batch, () if modality_map is None else modality_map, strict=False):
        sample.modality_map = chosen
    return of_batch


CASES = {  # stride, patch size, padded size, size of the features, sizes of the images
    'four patches a cell': (8, 4, (32, 48), (4, 6), [(32, 48), (32, 48)]),
    'padding': (8, 4, (32, 48), (4, 6), [(20, 48), (32, 13)]),
    'one patch a cell': (16, 16, (64, 48), (4, 3), [(64, 48), (33, 20)]),
    'patches of four cells': (8, 16, (64, 48), (8, 6), [(64, 48), (40, 47)]),
    'sixteen patches a cell': (16, 4, (32, 48), (2, 3), [(32, 41), (9, 48)]),
    'cells beyond the last patch': (8, 4, (30, 45), (4, 6), [(30, 45), (29, 30)]),
    'a map beyond the last cell': (8, 4, (36, 45), (4, 5), [(36, 45), (36, 45)]),
}


def by_loop(head, features, modality_map, sizes):
    """Loss and accuracy, patch by patch."""
    stride, patch = head.stride, head.patch_size
    side = max(stride // patch, 1)
    cells, wanted = [], []  # each cell of an image, and (position of the logit, target) of its patches
    for image, (height, width) in enumerate(sizes):
        rows, columns = math.ceil(height / patch), math.ceil(width / patch)
        for y in range(features.shape[2]):
            for x in range(features.shape[3]):
                patches = []
                for row in range(side):
                    for column in range(side):
                        y_patch = (y * stride + row * patch) // patch
                        x_patch = (x * stride + column * patch) // patch
                        if y_patch < rows and x_patch < columns:
                            patches.append((row * side + column, bool(modality_map[image, 0, y_patch, x_patch])))
                if patches:
                    cells.append(features[image, :, y, x])
                    wanted.append(patches)
    logits = head.layers(torch.stack(cells))
    losses, correct = [], []
    for cell, patches in zip(logits, wanted, strict=True):
        for position, target in patches:
            losses.append(functional.softplus(-cell[position] if target else cell[position]))
            correct.append(float((cell[position] > 0) == target))
    return torch.stack(losses).mean(), 100 * sum(correct) / len(correct)


@pytest.mark.parametrize('name', CASES)
def test_loss_is_that_of_a_loop_over_patches(name):
    stride, patch_size, padded, size, sizes = CASES[name]
    features = torch.randn(2, 6, *size)
    modality_map = torch.rand(2, 1, math.ceil(padded[0] / patch_size), math.ceil(padded[1] / patch_size)) < 0.4
    head = build(stride, patch_size)
    losses = head.loss(features, samples(modality_map, sizes))
    loss, accuracy = by_loop(build(stride, patch_size), features, modality_map, sizes)
    assert losses['loss_modality'].item() == pytest.approx(loss.item(), rel=1e-5)
    assert losses['acc_modality'].item() == pytest.approx(accuracy, rel=1e-5)
    half = build(stride, patch_size, loss_weight=0.5).loss(features, samples(modality_map, sizes))
    assert half['loss_modality'].item() == pytest.approx(loss.item() / 2, rel=1e-5)


def test_padding_does_not_matter():
    """Neither for the loss nor for the running statistics of the normalisation."""
    features, modality_map = torch.randn(2, 6, 4, 6), torch.rand(2, 1, 8, 12) < 0.5
    sizes = [(16, 48), (32, 24)]
    garbage, other_map = features.clone(), modality_map.clone()
    garbage[0, :, 2:], garbage[1, :, :, 3:] = 1e4, -1e4
    other_map[0, :, 4:], other_map[1, :, :, 6:] = True, False
    heads = build(), build()
    losses = [head.loss(*inputs) for head, inputs in zip(
        heads, ((features, samples(modality_map, sizes)), (garbage, samples(other_map, sizes))), strict=True)]
    assert losses[0]['loss_modality'] == losses[1]['loss_modality']
    for key, value in heads[0].state_dict().items():
        assert torch.equal(value, heads[1].state_dict()[key])


@pytest.mark.parametrize(('epoch_number', 'gamma', 'expected'), [
    (0, 0.1, 0.0), (0, 0.15, 0.0), (1, 0.05, 0.0249947929), (6, 0.1, 0.2913126125), (11, 0.1, 0.5005202112),
    (11, 0.15, 0.6777821008), (1000, 0.1, 1.0)])
def test_strength_over_epochs(epoch, epoch_number, gamma, expected):
    assert reversal_strength(epoch_number, gamma) == pytest.approx(expected, abs=1e-9)
    assert reversal_strength(epoch_number, gamma) == pytest.approx(math.tanh(gamma * epoch_number / 2))
    epoch(epoch_number)
    losses = build(gamma=gamma).loss(torch.randn(1, 6, 4, 4), samples(torch.ones(1, 1, 8, 8).bool(), [(32, 32)]))
    assert losses['modality_reversal'].item() == pytest.approx(expected, abs=1e-6)


def test_strength_as_the_authors_count():
    """Their counter starts at 0 and grows after each epoch; in one of their detectors, wrongly, after each iteration."""
    by_hand = [2 / (1 + math.e**(-0.15 * counter)) - 1 for counter in (0, 1, 2)]
    assert by_hand == pytest.approx([0, 0.0748597, 0.1488850], abs=1e-6)
    assert [reversal_strength(epoch, 0.15) for epoch in range(3)] == pytest.approx(by_hand)
    assert reversal_strength(105, 0.05) < 0.99 < reversal_strength(106, 0.05)


@pytest.mark.parametrize('number', [0, 6])
def test_gradient_is_reversed_for_the_backbone_alone(epoch, number):
    """At strength 0, too, there is a loss and the head learns."""
    epoch(number)
    features = torch.randn(2, 6, 4, 6, requires_grad=True)
    modality_map, sizes = torch.rand(2, 1, 8, 12) < 0.5, [(32, 48), (20, 48)]
    head, plain = build(), build()
    head.loss(features, samples(modality_map, sizes))['loss_modality'].backward()
    reversed_gradient = features.grad.clone()
    features.grad = None
    by_loop(plain, features, modality_map, sizes)[0].backward()
    expected = -reversal_strength(number, 0.1) * features.grad
    assert torch.allclose(reversed_gradient, expected, atol=1e-7)
    assert features.grad.abs().max() > 1e-4
    for ours, theirs in zip(head.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)
        assert ours.grad is not None


def test_reverse_gradient_of_frozen_features():
    frozen = torch.randn(3)
    assert reverse_gradient(frozen, 0.5) is frozen


def test_head_learns_what_can_be_told(epoch):
    """Features that carry the modality are told apart; with reversal they would be changed until they are not."""
    epoch(11)
    head = build(16, 16)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(60):
        modality_map = torch.rand(4, 1, 4, 4) < 0.5
        features = torch.randn(4, 6, 4, 4)
        features[:, :1] += 3 * modality_map
        losses = head.loss(features, samples(modality_map, [(64, 64)] * 4))
        optimizer.zero_grad()
        losses['loss_modality'].backward()
        optimizer.step()
    assert losses['acc_modality'] > 85  # a threshold at 1.5 tells 93 % of them


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_float32_under_amp(dtype):  # fault 21
    features, modality_map = torch.randn(2, 6, 4, 6).to(dtype), torch.rand(2, 1, 8, 12) < 0.5
    features.requires_grad_()
    expected = build().loss(features.detach().float(), samples(modality_map, [(32, 48)] * 2))['loss_modality']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = build().loss(features, samples(modality_map, [(32, 48)] * 2))['loss_modality']
    assert loss.dtype == torch.float32
    assert loss == expected
    loss.backward()
    assert features.grad.dtype == dtype
    assert features.grad.isfinite().all()


@pytest.mark.parametrize('norm_cfg', [dict(type='LN'), dict(type='BN1d')])
def test_normalisations(norm_cfg):
    head = build(norm_cfg=norm_cfg)
    kinds = {type(layer).__name__ for layer in head.layers}
    assert {'LN': 'LayerNorm', 'BN1d': 'BatchNorm1d'}[norm_cfg['type']] in kinds
    assert sum(isinstance(layer, torch.nn.Linear) for layer in head.layers) == 4
    assert head.layers[-1].out_features == 4
    assert head.loss(torch.randn(1, 6, 4, 4), samples(torch.ones(1, 1, 8, 8).bool(), [(32, 32)]))['loss_modality'] > 0


def test_paper_layout():
    """BN(C), three times Linear(512), BN, ReLU, then Linear(k), in these sizes."""
    head = MODELS.build(dict(type='PatchModalityHead', in_channels=192, stride=8))
    assert [type(layer).__name__ for layer in head.layers] == [
        'BatchNorm1d', *['Linear', 'BatchNorm1d', 'ReLU'] * 3, 'Linear']
    assert [layer.out_features for layer in head.layers if hasattr(layer, 'out_features')] == [512, 512, 512, 4]


def test_iterations_in_place_of_epochs(epoch):
    head = build(epoch_length=10)
    epoch(0, iter=65)
    losses = head.loss(torch.randn(1, 6, 4, 4), samples(torch.ones(1, 1, 8, 8).bool(), [(32, 32)]))
    assert losses['modality_reversal'].item() == pytest.approx(math.tanh(0.3))


def test_errors():
    with pytest.raises(ValueError, match='stride must be a multiple of patch_size or the other way around, got 8 and 12'):
        build(8, 12)
    with pytest.raises(ValueError, match='gamma and loss_weight must be at least 0, got -1 and 1.0'):
        build(gamma=-1)
    with pytest.raises(ValueError, match="0.png has no modality_map; .*type='MiPaDataPreprocessor'"):
        build().loss(torch.randn(1, 6, 4, 4), samples(None, [(32, 32)]))
