"""Images that Mosaic, MixUp and CopyPaste make of several: the mean weight of what each consists of, or a refusal."""

import cv2
import numpy as np
import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

from imbdet.dataset_equity import DatasetEquityHook

from ..tiny_detectors import tiny_detector
from ..tiny_training import RUNS, make_runner, training_config, write_training_set
from .write_likelihoods import write_for

LIKELIHOODS = [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0]
WEIGHTS = np.array([(1 + (1 - likelihood)**5) / 2 for likelihood in LIKELIHOODS])
SIZE = (128, 96)
# 256 x 192 pixels of four images of 128 x 96 each.
MOSAIC = dict(type='Mosaic', img_scale=SIZE, center_ratio_range=(1.0, 1.0))


def hook_of(folder):
    return dict(type='DatasetEquityHook', likelihoods=str(write_for(folder, LIKELIHOODS)))


def mixing_config(folder, *transforms, wrapper, hooks, name='retinanet', **keys):
    """A training on images that the transforms mix."""
    config = training_config(folder, tiny_detector(name), hooks)
    inner = config.train_dataloader.dataset
    steps, inner.pipeline = inner.pipeline[4:], inner.pipeline[:2]
    config.train_dataloader.dataset = dict(type=wrapper, dataset=inner, pipeline=[*transforms, *steps], **keys)
    config.experiment_name = f'mixed_{next(RUNS)}'
    return config


class Seen(Hook):
    """Keep each batch with the logged weights."""

    def __init__(self):
        self.batches = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.batches.append((data_batch, float(outputs['equity_weight_mean']), float(outputs['equity_weight_min'])))


def train(config):
    runner = Runner.from_cfg(config)
    seen = Seen()
    runner.register_hook(seen)
    runner.train()
    assert len(seen.batches) == 2
    return seen.batches


def test_a_mosaic_weighs_the_mean_of_its_quarters(tmp_path):
    """Each image has its own gray, by which the mosaic's quarters are told."""
    write_training_set(tmp_path)
    for index in range(8):
        cv2.imwrite(str(tmp_path / f'images/{index}.png'), np.full((96, 128, 3), 10 + 30 * index, np.uint8))
    config = mixing_config(tmp_path, MOSAIC, wrapper='WeightedMultiImageMixDataset', hooks=[hook_of(tmp_path)],
                           record_shares=True)
    for batch, mean, least in train(config):
        quarters = [[(int(image[0, y, x]) - 10) // 30 for y in (48, 144) for x in (64, 192)] for image in batch['inputs']]
        weights = [WEIGHTS[images].mean() for images in quarters]
        assert len(weights) == 2
        assert len(set(quarters[0])) > 1
        assert mean == pytest.approx(np.mean(weights), rel=1e-6)
        assert least == pytest.approx(min(weights), rel=1e-6)


def test_the_pipeline_of_yolox(tmp_path):
    """Mosaic, RandomAffine and MixUp: seven shares or fewer, by which the weights are averaged."""
    write_training_set(tmp_path)
    affine = dict(type='RandomAffine', scaling_ratio_range=(0.9, 1.1), border=(-SIZE[0] // 2, -SIZE[1] // 2))
    config = mixing_config(tmp_path, MOSAIC, affine, dict(type='MixUp', img_scale=SIZE, ratio_range=(0.8, 1.6)),
                           wrapper='WeightedMultiImageMixDataset', hooks=[hook_of(tmp_path)], record_shares=True, name='yolox')
    for batch, mean, _ in train(config):
        parts = [sample.mixed_images for sample in batch['data_samples']]
        weights = [sum(share * WEIGHTS[int(path.split('/')[-1].split('.')[0])] for path, share in part) for part in parts]
        assert mean == pytest.approx(np.mean(weights), rel=1e-6)
        main = np.mean([WEIGHTS[sample.img_id] for sample in batch['data_samples']])
        assert mean != pytest.approx(main, rel=1e-3)


def test_shares_by_hand(tmp_path):
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, tiny_detector('retinanet'))
    DatasetEquityHook(write_for(tmp_path, LIKELIHOODS)).before_train(runner)
    batch = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), True)
    path = str(tmp_path / 'images/{}.png')
    shares = (((path.format(7), 0.25), (path.format(0), 0.75)), ((path.format(4), 0.5), (path.format(1), 0.125),
                                                                (path.format(6), 0.375)))
    for sample, mixed in zip(batch['data_samples'], shares, strict=True):
        sample.set_metainfo(dict(mixed_images=mixed))
    first = 0.25 * 0.5 + 0.75 * 1
    second = 0.5 * (1 + 0.5**5) / 2 + 0.125 * (1 + 0.9**5) / 2 + 0.375 * (1 + 0.1**5) / 2
    losses = runner.model(**batch, mode='loss')
    assert float(losses['equity_weight_mean']) == pytest.approx((first + second) / 2, rel=1e-6)
    assert float(losses['equity_weight_min']) == pytest.approx(second, rel=1e-6)
    # Next to an image that was not mixed; and one of them unknown.
    batch['data_samples'][0].set_metainfo(dict(mixed_images=None, img_path=path.format(3)))
    assert float(runner.model(**batch, mode='loss')['equity_weight_mean']) == pytest.approx((WEIGHTS[3] + second) / 2, rel=1e-6)
    batch['data_samples'][1].set_metainfo(dict(mixed_images=((path.format(2), 0.5), ('other.png', 0.5))))
    with pytest.raises(ValueError, match='other.png is not among the images'):
        runner.model(**batch, mode='loss')


@pytest.mark.parametrize('transform', [
    dict(type='Mosaic', img_scale=SIZE), dict(type='MixUp', img_scale=SIZE), dict(type='CopyPaste')])
@pytest.mark.parametrize('wrapper', ['MultiImageMixDataset', 'WeightedMultiImageMixDataset'])
def test_mixing_without_a_record_is_refused(transform, wrapper, tmp_path):
    write_training_set(tmp_path)
    config = mixing_config(tmp_path, transform, wrapper=wrapper, hooks=[hook_of(tmp_path)])
    with pytest.raises(ValueError, match=rf'DatasetEquityHook: {transform["type"]} of the training pipeline makes one image '
                       r"out of several and does not record which.*'WeightedMultiImageMixDataset', record_shares=True"):
        Runner.from_cfg(config).train()


def test_cached_mixing_is_refused_by_name(tmp_path):
    """As RTMDet mixes; one of the transforms is inside another."""
    write_training_set(tmp_path)
    config = training_config(tmp_path, tiny_detector('retinanet'), [hook_of(tmp_path)])
    steps = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [
        *steps[:2], dict(type='CachedMosaic', img_scale=SIZE),
        dict(type='RandomApply', transforms=[dict(type='CachedMixUp', img_scale=SIZE)]), *steps[2:]]
    config.experiment_name = f'mixed_{next(RUNS)}'
    with pytest.raises(ValueError, match='DatasetEquityHook: CachedMixUp, CachedMosaic of the training pipeline makes one'):
        Runner.from_cfg(config).train()
