"""The stronger modality is taken away as a loop over patches does it, as often as asked for."""

import numpy as np
import pytest
import torch
from mmdet.models.backbones import SwinTransformer
from mmdet.registry import MODELS

from imbdet.mipa.modality_regularizer import weaken_modality

from .batches import batch, build

pytestmark = pytest.mark.usefixtures('progress')


def regularizer(method, probability=1.0, **keys):
    return dict(type='ModalityRegularizer', method=method, probability=probability, **keys)


def halves_of(data):
    """Normalized images of both cameras, from a preprocessor that mixes nothing."""
    return [build(ir_ratio=ratio)(dict(inputs=list(data['inputs']), data_samples=data['data_samples']), training=True)['inputs']
            for ratio in (0.0, 1.0)]


def by_loop(rgb, ir, maps, patch_size, method, strong):
    """A patch of the stronger camera shows nothing, or the mean; one of the other camera shows itself."""
    expected = torch.empty_like(rgb)
    for image in range(len(rgb)):
        for row in range(maps.shape[2]):
            for column in range(maps.shape[3]):
                where = (image, slice(None), slice(row * patch_size, (row + 1) * patch_size),
                         slice(column * patch_size, (column + 1) * patch_size))
                camera = 'ir' if maps[image, 0, row, column] else 'rgb'
                if camera != strong:
                    patch = rgb[where] if camera == 'rgb' else ir[where]
                else:
                    patch = 0 if method == 'single' else 0.5 * rgb[where] + 0.5 * ir[where]
                expected[where] = patch
    return expected


@pytest.mark.parametrize('strong', ['ir', 'rgb'])
@pytest.mark.parametrize('method', ['single', 'mood'])
@pytest.mark.parametrize('ratio', [0.3, 'learnable'])
def test_mixed_images_are_those_of_a_loop_over_patches(method, strong, ratio):
    data = batch(('pair', 20, 30), ('pair', 17, 33))
    rgb, ir = halves_of(batch(('pair', 20, 30), ('pair', 17, 33)))
    out = build(ir_ratio=ratio, modality_regularizer=regularizer(method, strong_modality=strong))(data, training=True)
    maps = torch.stack([sample.modality_map for sample in out['data_samples']])
    assert 0 < maps.float().mean() < 1
    assert torch.allclose(out['inputs'], by_loop(rgb, ir, maps, 4, method, strong), atol=1e-6)


def test_by_default_the_infrared_camera_is_the_strong_one():
    assert MODELS.build(dict(type='ModalityRegularizer', method='mood')).strong_modality == 'ir'


def test_labels_and_patches_stay(progress):
    """Patches are chosen as in a batch that is not regularized, and keep their label. The share stays that of ir_ratio."""
    progress(iter=0)
    maps = {}
    for probability in (0.0, 1.0):
        out = build(modality_regularizer=regularizer('mood', probability))(batch(('pair', 20, 30)), training=True)
        maps[probability] = out['data_samples'][0].modality_map
    assert torch.equal(maps[0.0], maps[1.0])
    assert maps[1.0].sum() == 20


def test_without_a_pair_or_in_a_test_nothing_is_replaced():
    keys = dict(ir_ratio=0.5, modality_regularizer=regularizer('single'))
    images = ('ir', 12, 16), ('rgb', 12, 16), ('pair', 12, 16)
    out = build(**keys)(batch(*images), training=True)
    plain = build(ir_ratio=0.5)(batch(*images), training=True)
    assert torch.equal(out['inputs'][:2], plain['inputs'][:2])
    assert not torch.equal(out['inputs'][2], plain['inputs'][2])
    assert torch.equal(build(**keys)(batch(*images[:2]), training=True)['inputs'],
                       build()(batch(*images[:2]), training=True)['inputs'])
    assert torch.equal(build(**keys, test_modality='ir')(batch(*images))['inputs'],
                       build(test_modality='ir')(batch(*images))['inputs'])


def kinds(method, number, **keys):
    """What became of infrared images of ones, beside visible ones of threes, in batches: 1, 0 or 2."""
    module = MODELS.build(dict(type='ModalityRegularizer', method=method, **keys))
    generator = torch.Generator().manual_seed(0)
    ones = torch.ones(2, 3, 2, 2)
    found = []
    for _ in range(number):
        rgb, ir = module(3 * ones, ones, [True, True], generator)
        assert torch.equal(rgb, 3 * ones)
        assert len(ir.unique()) == 1  # the whole batch
        found.append(ir.unique().item())
    return np.array([found.count(kind) for kind in (1, 0, 2)])


@pytest.mark.parametrize(('method', 'keys', 'shares'), [
    ('single', {}, (2 / 3, 1 / 3, 0)), ('mood', {}, (2 / 3, 0, 1 / 3)), ('either', {}, (2 / 3, 1 / 6, 1 / 6)),
    ('either', dict(probability=1.0), (0, 0.5, 0.5)), ('single', dict(probability=0.0), (1, 0, 0))])
def test_how_often(method, keys, shares):
    """The authors roll a die of six and replace at two of its faces; for either they toss a coin."""
    number = 2000
    counts = kinds(method, number, **keys)
    for count, share in zip(counts, shares, strict=True):
        assert abs(count - number * share) <= 4 * (number * share * (1 - share))**0.5


def test_seeded(progress, monkeypatch):
    """A repetition replaces the same batches, another rank others."""
    def replaced():
        preprocessor = build(ir_ratio=1.0, modality_regularizer=regularizer('single', 0.5))
        found = []
        for iteration in range(30):
            progress(iter=iteration)
            torch.rand(iteration)
            found.append(bool((preprocessor(batch(('pair', 8, 8)), training=True)['inputs'] == 0).all()))
        return found

    first = replaced()
    assert 5 < sum(first) < 25
    assert replaced() == first
    monkeypatch.setattr('imbdet.mipa.data_preprocessor.get_rank', lambda: 1)
    assert replaced() != first


@pytest.mark.parametrize('method', ['single', 'mood'])
def test_pixels_or_tokens(method):
    """The authors replace tokens. Without bias and normalization of the patch embedding it is the same."""
    torch.manual_seed(0)
    embed = SwinTransformer(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 4), window_size=4,
                            patch_norm=False).patch_embed
    with torch.no_grad():
        embed.projection.bias.zero_()
        rgb, ir = torch.randn(2, 1, 3, 8, 8)
        visible, infrared = embed(rgb)[0], embed(ir)[0]
        tokens = torch.zeros_like(infrared) if method == 'single' else (visible + infrared) / 2
        assert torch.allclose(embed(weaken_modality(ir, rgb, method))[0], tokens, atol=1e-6)


def test_the_embedding_is_trained():
    """Unlike that of the authors, whose replacement and mixing are without gradient."""
    embed = torch.nn.Conv2d(3, 4, 4, 4)
    out = build(modality_regularizer=regularizer('mood'))(batch(('pair', 16, 16)), training=True)
    embed(out['inputs']).square().sum().backward()
    assert embed.weight.grad.abs().max() > 0


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(method='both'), "method must be one of single, mood, either; got 'both'"),
    (dict(method='mood', probability=1.5), r'probability must be in \[0, 1\], got 1.5'),
    (dict(method='mood', strong_modality='pair'), "strong_modality must be 'rgb' or 'ir', got 'pair'")])
def test_bad_arguments(keys, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='ModalityRegularizer', **keys))
