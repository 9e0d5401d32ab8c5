"""Mixing patches, against loops over patches and pixels."""

import pytest
import torch

from imbdet.mipa import mix_patches


def batch(height=12, width=16, num_images=3, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, num_images, 3, height, width, generator=generator)
    return (images * 100).to(dtype).unbind(0)


def mixed_by_loop(rgb, ir, modality_map, patch_size):
    expected = torch.empty_like(rgb)
    for image in range(len(rgb)):
        for y in range(rgb.shape[2]):
            for x in range(rgb.shape[3]):
                source = ir if modality_map[image, 0, y // patch_size, x // patch_size] else rgb
                expected[image, :, y, x] = source[image, :, y, x]
    return expected


@pytest.mark.parametrize('size', [(12, 16), (13, 18), (11, 15), (3, 3)])  # the last three are not divided by the grid
@pytest.mark.parametrize('patch_size', [1, 4, 5])
def test_each_patch_is_of_one_modality(size, patch_size):
    rgb, ir = batch(*size)
    mixed, modality_map = mix_patches(rgb, ir, 0.4, patch_size, torch.Generator().manual_seed(1))
    rows, columns = -(-size[0] // patch_size), -(-size[1] // patch_size)
    assert modality_map.shape == (3, 1, rows, columns)
    assert torch.equal(mixed, mixed_by_loop(rgb, ir, modality_map, patch_size))


@pytest.mark.parametrize('ratio', [0, 0.0, 0.01, 0.25, 1 / 3, 0.5, 0.75, 0.999, 1, 1.0])
@pytest.mark.parametrize('patch_size', [4, 7])
def test_the_share_is_exact_in_each_image(ratio, patch_size):
    rgb, ir = batch(20, 30, 5)
    mixed, modality_map = mix_patches(rgb, ir, ratio, patch_size)
    number = -(-20 // patch_size) * -(-30 // patch_size)
    assert modality_map.flatten(1).sum(1).tolist() == [round(ratio * number)] * 5
    if ratio in (0, 1):
        assert torch.equal(mixed, ir if ratio else rgb)


def test_a_share_for_each_image():
    rgb, ir = batch(20, 30, 3)
    _, modality_map = mix_patches(rgb, ir, [0.0, 0.25, 1.0], 5)
    assert modality_map.flatten(1).sum(1).tolist() == [0, 6, 24]


def test_complementary():
    """What one image shows of a modality, the image of exchanged cameras shows of the other."""
    rgb, ir = batch()
    mixed, modality_map = mix_patches(rgb, ir, 0.3, 4, torch.Generator().manual_seed(7))
    exchanged, same_map = mix_patches(ir, rgb, 0.3, 4, torch.Generator().manual_seed(7))
    assert torch.equal(modality_map, same_map)
    assert torch.equal(mixed + exchanged, rgb + ir)


def test_padding_is_no_patch():
    """The share is exact among the patches of each image, and what is padded stays visible."""
    rgb, ir = batch(32, 40, 3)
    sizes = [(32, 40), (17, 40), (9, 5)]
    _, modality_map = mix_patches(rgb, ir, 0.5, 8, sizes=sizes)
    for index, (rows, columns) in enumerate([(4, 5), (3, 5), (2, 1)]):
        assert modality_map[index].sum() == modality_map[index, 0, :rows, :columns].sum() == round(0.5 * rows * columns)


def test_seed_repeats_and_images_differ():
    rgb, ir = batch(40, 40, 4)
    maps = [mix_patches(rgb, ir, 0.5, 4, torch.Generator().manual_seed(seed))[1] for seed in (0, 0, 1)]
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[0], maps[2])
    assert len({tuple(image.flatten().tolist()) for image in maps[0]}) == 4


def test_every_patch_is_as_likely():
    rgb, ir = batch(16, 16, 1)
    generator = torch.Generator().manual_seed(0)
    counts = sum(mix_patches(rgb, ir, 0.25, 4, generator)[1].float() for _ in range(4000))
    assert (counts / 4000 - 0.25).abs().max() < 5 * (0.25 * 0.75 / 4000)**0.5  # five standard deviations


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64, torch.uint8])
def test_dtype_is_kept(dtype):
    rgb, ir = batch(dtype=dtype)
    mixed, modality_map = mix_patches(rgb, ir, 0.5, 4)
    assert mixed.dtype == dtype
    assert torch.equal(mixed, mixed_by_loop(rgb, ir, modality_map, 4))


def test_channels_last_and_halves_of_one_tensor():
    pair = torch.rand(2, 6, 13, 18).contiguous(memory_format=torch.channels_last)
    rgb, ir = pair.split(3, dim=1)
    mixed, modality_map = mix_patches(rgb, ir, 0.5, 4)
    assert torch.equal(mixed, mixed_by_loop(rgb, ir, modality_map, 4))
    assert mixed.is_contiguous(memory_format=torch.channels_last)


def test_gradients_reach_each_modality_where_it_shows():
    rgb, ir = (image.double().requires_grad_() for image in batch(9, 9, 1))
    mixed, modality_map = mix_patches(rgb, ir, 0.5, 3)
    mixed.sum().backward()
    shows = modality_map.double().repeat_interleave(3, 2).repeat_interleave(3, 3).expand(-1, 3, -1, -1)
    assert torch.equal(ir.grad, shows)
    assert torch.equal(rgb.grad, 1 - shows)


@pytest.mark.parametrize(('change', 'message'), [
    (dict(ir_ratio=-0.1), r'ir_ratio must be in \[0, 1\], got -0.1'), (dict(ir_ratio=1.1), 'got 1.1'),
    (dict(ir_ratio=float('nan')), 'got nan'), (dict(patch_size=0), 'patch_size must be at least 1, got 0'),
    (dict(ir=torch.zeros(3, 3, 12, 15)), r'\(3, 3, 12, 16\).* and \(3, 3, 12, 15\)'),
    (dict(ir=torch.zeros(3, 3, 12, 16, dtype=torch.uint8)), 'torch.uint8')])
def test_bad_arguments(change, message):
    rgb, ir = batch()
    with pytest.raises(ValueError, match=message):
        mix_patches(**{**dict(rgb=rgb, ir=ir, ir_ratio=0.5, patch_size=4), **change})
