"""Batches out of MiPaDataPreprocessor, against images normalised and composed one by one."""

import copy

import numpy as np
import pytest
import torch
from mmdet.models.backbones import SwinTransformer
from mmdet.registry import MODELS
from mmengine.logging import MessageHub

from .batches import IR_MEAN, IR_STD, MEAN, STD, batch, build, normalized

pytestmark = pytest.mark.usefixtures('progress')


def test_training_batch():
    """Each pixel comes from the camera given by the map, normalized by its mean and deviation; padding is 0."""
    data = batch(('pair', 20, 30), ('pair', 17, 33), ('pair', 32, 9))
    images = [image.clone() for image in data['inputs']]
    out = build(pad_size_divisor=32)(data, training=True)
    assert out['inputs'].shape == (3, 3, 32, 64)
    assert out['inputs'].dtype == torch.float32
    for image, mixed, sample in zip(images, out['inputs'], out['data_samples'], strict=True):
        height, width = image.shape[1:]
        assert sample.modality_map.shape == (1, 8, 16)
        rows, columns = -(-height // 4), -(-width // 4)
        assert sample.modality_map.sum() == sample.modality_map[0, :rows, :columns].sum() == round(0.5 * rows * columns)
        halves = normalized(image[:3], MEAN, STD), normalized(image[3:], IR_MEAN, IR_STD)
        for y in range(height):
            for x in range(width):
                assert torch.equal(mixed[:, y, x], halves[int(sample.modality_map[0, y // 4, x // 4])][:, y, x])
        assert mixed[:, height:].abs().sum() == mixed[:, :, width:].abs().sum() == 0
        assert sample.batch_input_shape == (32, 64)


@pytest.mark.parametrize('training', [True, False])
def test_visible_images_alone_are_as_mmdet_has_them(training):
    keys = dict(mean=MEAN, std=STD, bgr_to_rgb=True, pad_size_divisor=32, pad_mask=True, mask_pad_value=1)
    theirs = MODELS.build(dict(type='DetDataPreprocessor', **keys))
    ours = build(**keys)
    images = ('rgb', 20, 30), ('rgb', 17, 33)
    assert torch.equal(ours(batch(*images), training)['inputs'], theirs(batch(*images), training)['inputs'])


def test_the_modality_of_the_sample_decides_in_a_test():
    data = batch(('rgb', 12, 16), ('ir', 12, 16))
    expected = torch.stack([normalized(data['inputs'][0], MEAN, STD), normalized(data['inputs'][1], IR_MEAN, IR_STD)])
    out = build()(data)
    assert torch.equal(out['inputs'], expected)
    assert not hasattr(out['data_samples'][0], 'modality_map')


def test_a_pair_in_a_test():
    data = batch(('pair', 12, 16))
    with pytest.raises(ValueError, match="0.png is a pair, but a test uses a single modality; set the data set's modality"):
        build()(copy.deepcopy(data))
    visible, infrared = data['inputs'][0].split(3)
    assert torch.equal(build(test_modality='rgb')(copy.deepcopy(data))['inputs'][0], normalized(visible, MEAN, STD))
    assert torch.equal(build(test_modality='ir')(copy.deepcopy(data))['inputs'][0], normalized(infrared, IR_MEAN, IR_STD))


def test_samples_that_do_not_tell_their_modality():
    data = batch(('rgb', 12, 16))
    del data['data_samples'][0].modality
    for training in (True, False):
        with pytest.raises(ValueError, match="0.png is visible or infrared; add 'modality' to the meta_keys of PackDetInputs"):
            build()(copy.deepcopy(data), training)
    image = data['inputs'][0]
    assert torch.equal(build(test_modality='ir')(copy.deepcopy(data))['inputs'][0], normalized(image, IR_MEAN, IR_STD))
    same = build(ir_mean=None, ir_std=None)(copy.deepcopy(data))  # it makes no difference
    assert torch.equal(same['inputs'][0], normalized(image, MEAN, STD))
    data['data_samples'][0].set_metainfo(dict(modality='pair'))  # as after Equalize, in a pipeline that is not tried
    with pytest.raises(ValueError, match='0.png is a pair but has 3 channels: a transform has dropped half of it'):
        build()(copy.deepcopy(data), True)
    data['inputs'][0] = torch.zeros(4, 12, 16)
    with pytest.raises(ValueError, match='0.png has 4 channels; MiPaDataPreprocessor needs 3, or 6 for a pair'):
        build()(data, True)


def test_an_image_of_a_missing_modality_trains_as_all_of_the_other():
    data = batch(('pair', 12, 16), ('rgb', 12, 16), ('ir', 12, 16))
    images = [image.clone() for image in data['inputs']]
    out = build(ir_ratio=0.25)(data, training=True)
    assert [int(sample.modality_map.sum()) for sample in out['data_samples']] == [3, 0, 12]
    assert torch.equal(out['inputs'][1], normalized(images[1], MEAN, STD))
    assert torch.equal(out['inputs'][2], normalized(images[2], IR_MEAN, IR_STD))


def test_single_modalities_without_a_pair():
    out = build()(batch(('ir', 12, 16), ('rgb', 12, 16)), training=True)
    assert out['inputs'].shape == (2, 3, 12, 16)
    assert [int(sample.modality_map.sum()) for sample in out['data_samples']] == [12, 0]


def test_whole_images(progress):
    """Each image is of one camera as a whole, infrared with the probability of ir_ratio."""
    preprocessor = build(mode='image', ir_ratio=0.3)
    infrared = 0
    for iteration in range(200):
        progress(iter=iteration)
        data = batch(*[('pair', 8, 8)] * 4)
        images = [image.clone() for image in data['inputs']]
        out = preprocessor(data, training=True)
        for image, mixed, sample in zip(images, out['inputs'], out['data_samples'], strict=True):
            is_infrared = bool(sample.modality_map.all())
            assert is_infrared or not sample.modality_map.any()
            half = normalized(image[3:], IR_MEAN, IR_STD) if is_infrared else normalized(image[:3], MEAN, STD)
            assert torch.equal(mixed, half)
            infrared += is_infrared
    assert abs(infrared / 800 - 0.3) < 5 * (0.3 * 0.7 / 800)**0.5
    for ratio in (0, 1):
        out = build(mode='image', ir_ratio=ratio)(batch(*[('pair', 8, 8)] * 20), training=True)
        assert all(sample.modality_map.all() == ratio == sample.modality_map.any() for sample in out['data_samples'])


def maps(preprocessor, number=2):
    out = preprocessor(batch(*[('pair', 40, 40)] * number), training=True)
    return torch.stack([sample.modality_map for sample in out['data_samples']])


def test_choices_depend_on_seed_and_iteration_alone(progress):
    progress(iter=0)
    first = build()
    of_iterations = []
    for iteration in range(3):
        progress(iter=iteration)
        torch.rand(7)  # what others draw does not matter
        of_iterations.append(maps(first))
    assert len({tuple(chosen.flatten().tolist()) for chosen in of_iterations}) == 3
    progress(iter=2)
    assert torch.equal(maps(build()), of_iterations[2])  # as after a resume
    assert not torch.equal(maps(build(seed=1)), of_iterations[2])
    torch.manual_seed(5)
    by_default = maps(build(seed=None))
    torch.manual_seed(5)
    assert torch.equal(maps(build(seed=None)), by_default)
    torch.manual_seed(6)
    assert not torch.equal(maps(build(seed=None)), by_default)


def test_batches_of_one_iteration_differ(progress):
    """Such as those that OptimalBiasInitHook measures before training."""
    progress(iter=0)
    preprocessor = build()
    assert not torch.equal(maps(preprocessor), maps(preprocessor))


def drawn(preprocessor):
    shares = maps(preprocessor, 1).float().mean().item()
    assert shares == pytest.approx(MessageHub.get_current_instance().get_scalar('train/ir_ratio').current(), abs=0.0051)
    return shares


def test_uniform(progress):
    preprocessor = build(ir_ratio='uniform')
    shares = []
    for iteration in range(300):
        progress(iter=iteration)
        shares.append(drawn(preprocessor))
    assert min(shares) < 0.03
    assert max(shares) > 0.97
    assert np.mean(shares) == pytest.approx(0.5, abs=0.07)
    assert np.histogram(shares, 5, (0, 1))[0].min() > 35  # 60 each are expected


def shares_of_images(preprocessor, number=4):
    """Shares of images of 100 patches."""
    out = preprocessor(batch(*[('pair', 10, 10)] * number), training=True)
    return [sample.modality_map.float().mean().item() for sample in out['data_samples']]


def test_a_share_for_each_image(progress):
    """By default the images of a batch have one share; with ratio_per_image each its own, independent and uniform."""
    together = build(patch_size=1, ir_ratio='uniform')
    apart = build(patch_size=1, ir_ratio='uniform', ratio_per_image=True)
    shares = []
    for iteration in range(100):
        progress(iter=iteration)
        assert len(set(shares_of_images(together))) == 1
        shares.append(shares_of_images(apart))
        logged = MessageHub.get_current_instance().get_scalar('train/ir_ratio').current()
        assert np.mean(shares[-1]) == pytest.approx(logged, abs=0.0051)
    counts = np.histogram(shares, 5, (0, 1))[0]
    assert abs(counts - 80).max() < 4 * (400 * 0.2 * 0.8)**0.5  # binomial
    between = np.corrcoef(np.transpose(shares))[np.triu_indices(4, 1)]
    assert abs(between).max() < 4 / 100**0.5


def test_shares_of_images_are_seeded(progress, monkeypatch):
    """By seed, rank and iteration, as those of batches: a repetition or a resume draws the same, another rank others."""
    keys = dict(patch_size=1, ir_ratio='uniform', ratio_per_image=True)
    progress(iter=3)
    first = shares_of_images(build(**keys))
    torch.rand(5)
    assert shares_of_images(build(**keys)) == first
    assert shares_of_images(build(**keys, seed=1)) != first
    progress(iter=4)
    assert shares_of_images(build(**keys)) != first
    progress(iter=3)
    monkeypatch.setattr('imbdet.mipa.data_preprocessor.get_rank', lambda: 1)
    assert shares_of_images(build(**keys)) != first


def test_learnt_and_curriculum_shares_of_images(progress):
    preprocessor = build(patch_size=1, ir_ratio='learnable', ratio_per_image=True)
    progress(iter=0)
    assert len(set(shares_of_images(preprocessor))) > 1
    out = preprocessor(batch(*[('pair', 16, 16)] * 3), training=True)
    out['inputs'].square().sum().backward()
    assert preprocessor.learnable_ratio.mean.grad.abs() > 0
    progress(iter=45, epoch=4, max_epochs=12, max_iters=120)
    preprocessor = build(patch_size=1, ir_ratio='curriculum', ratio_per_image=True)
    assert shares_of_images(preprocessor) == pytest.approx([0.12] * 4)  # round(12.5) is 12
    progress(iter=95, epoch=9, max_epochs=12, max_iters=120)
    assert len(set(shares_of_images(preprocessor))) > 1


def test_curriculum_over_epochs(progress):
    preprocessor = build(ir_ratio='curriculum')
    for epoch, share in ((0, 0), (4, 0.125), (6, 0.1875), (8, 0.25)):
        for iteration in (10 * epoch, 10 * epoch + 9):
            progress(iter=iteration, epoch=epoch, max_epochs=12, max_iters=120)
            assert drawn(preprocessor) == pytest.approx(round(100 * share) / 100)
    shares = []
    for iteration in range(90, 120):
        progress(iter=iteration, epoch=iteration // 10, max_epochs=12, max_iters=120)
        shares.append(drawn(preprocessor))
    assert max(shares) > 0.8


def test_curriculum_counts_as_the_authors_iterations(progress):
    """They count 2000 iterations as an epoch, from 0; the last with a given share is number 17999."""
    preprocessor = build(ir_ratio='curriculum', epoch_length=2000)
    shares = {}
    for iteration in (1999, 2000, 15999, 16000, 17999, 18000, 18001):
        progress(iter=iteration, epoch=0, max_epochs=1, max_iters=24000)
        maps(preprocessor, 1)
        shares[iteration] = MessageHub.get_current_instance().get_scalar('train/ir_ratio').current()
    assert list(shares.values())[:5] == [0, 0.03125, 0.21875, 0.25, 0.25]
    assert shares[18000] != shares[18001]
    assert 0.25 not in (shares[18000], shares[18001])


def test_curriculum_over_iterations(progress):
    progress(iter=45, epoch=0, max_epochs=1, max_iters=120)
    with pytest.raises(ValueError, match='counts one epoch in all, .* give epoch_length='):
        maps(build(ir_ratio='curriculum'))
    assert drawn(build(ir_ratio='curriculum', curriculum_epochs=4, epoch_length=20)) == pytest.approx(0.12)


def test_learnable_is_trained(progress):
    """The share moves to the camera whose pixels lower the loss, and the mixed images are as they were."""
    preprocessor = build(ir_ratio='learnable')
    optimizer = torch.optim.SGD(preprocessor.parameters(), lr=0.02)
    assert set(preprocessor.state_dict()) == {'learnable_ratio.mean', 'learnable_ratio.spread'}
    shares = []
    for iteration in range(40):
        progress(iter=iteration)
        data = batch(('pair', 40, 40))
        halves = normalized(data['inputs'][0][:3], MEAN, STD), normalized(data['inputs'][0][3:], IR_MEAN, IR_STD)
        out = preprocessor(data, training=True)
        shows = out['data_samples'][0].modality_map.repeat_interleave(4, 1).repeat_interleave(4, 2)
        assert torch.equal(out['inputs'][0].detach(), torch.where(shows, halves[1], halves[0]))
        shares.append(shows.float().mean().item())
        loss = (out['inputs'][0] - halves[1]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0.2 < np.mean(shares[:5]) < 0.5
    assert np.mean(shares[-5:]) > 0.8


def test_no_state_but_what_is_learnt():
    assert build().state_dict() == {}
    assert list(build().parameters()) == []


@pytest.mark.parametrize('size', [(32, 48), (30, 45)])
def test_mixing_pixels_is_mixing_tokens(size):
    """Of Swin's patch embedding, also where the grid does not divide the image, up to no difference at all."""
    embed = SwinTransformer(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 4), window_size=4).patch_embed
    data = batch(*[('pair', *size)] * 2)
    halves = [torch.stack([normalized(image[part], *statistics) for image in data['inputs']])
              for part, statistics in ((slice(0, 3), (MEAN, STD)), (slice(3, 6), (IR_MEAN, IR_STD)))]
    out = build()(data, training=True)
    modality_map = torch.stack([sample.modality_map for sample in out['data_samples']])
    with torch.no_grad():
        (visible, grid), (infrared, _), (mixed, _) = (embed(images) for images in (*halves, out['inputs']))
    assert tuple(grid) == tuple(modality_map.shape[2:])
    tokens = torch.where(modality_map.flatten(2).transpose(1, 2), infrared, visible)
    assert (mixed - tokens).abs().max() == 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_under_amp(dtype):
    data = batch(('pair', 20, 30), ('pair', 17, 33))
    expected = build()(copy.deepcopy(data), training=True)['inputs']
    with torch.autocast('cpu', dtype=dtype):
        assert torch.equal(build()(data, training=True)['inputs'], expected)


def test_batch_augments_see_both_halves(progress):
    """Boxes and both halves are resized before patches are mixed, so that patches keep their size."""
    preprocessor = build(batch_augments=[dict(type='BatchSyncRandomResize', random_size_range=(64, 64), interval=1)])
    preprocessor.batch_augments[0]._input_size = (64, 64)
    progress(iter=0)
    out = preprocessor(batch(*[('pair', 32, 32)] * 2), training=True)
    assert out['inputs'].shape == (2, 3, 64, 64)
    sample = out['data_samples'][0]
    assert sample.modality_map.shape == (1, 16, 16)
    assert sample.modality_map.sum() == 128
    assert sample.gt_instances.bboxes.tolist() == [[2, 4, 20, 24]]


def test_without_normalisation():
    data = batch(('pair', 8, 8))
    image = data['inputs'][0].float()
    out = build(mean=None, std=None, ir_mean=None, ir_std=None, bgr_to_rgb=False, ir_ratio=1.0)(data, training=True)
    assert torch.equal(out['inputs'][0], image[3:])


@pytest.mark.parametrize(('keys', 'message'), [
    (dict(ir_ratio=1.5), r'ir_ratio must be a number in \[0, 1\] or one of uniform, curriculum, learnable; got 1.5'),
    (dict(ir_ratio='fixed'), "got 'fixed'"), (dict(mode='patches'), "mode must be 'patch' or 'image'"),
    (dict(test_modality='pair'), "test_modality 'rgb', 'ir' or None; got 'patch' and 'pair'"),
    (dict(patch_size=0), 'patch_size must be at least 1, got 0'), (dict(epoch_length=0), 'epoch_length must be at least 1'),
    (dict(curriculum_epochs=0), 'curriculum_epochs must be at least 1'), (dict(std=None), 'mean and std must be set together'),
    (dict(mean=None, std=None), 'mean and std must be set together'),
    (dict(ir_std=None), 'and so must ir_mean and ir_std'),
    (dict(rgb_to_bgr=True), 'bgr_to_rgb and rgb_to_bgr cannot both be set'),
    (dict(ratio_per_image=True), 'ratio_per_image needs a share that is drawn, .* uniform, curriculum, learnable; got 0.5'),
    (dict(mode='image', modality_regularizer=dict(type='ModalityRegularizer', method='mood')), "or set mode='patch'")])
def test_bad_arguments(keys, message):
    with pytest.raises(ValueError, match=message):
        build(**keys)
