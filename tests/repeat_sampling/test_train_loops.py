"""The sampler in mmengine's training loops, with and without a stop in between."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ..test_configs import write_data_set

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path):
    write_data_set(tmp_path / 'train.json', tmp_path / 'images', ('a', 'b', 'c'), num_images=7)
    cfg = Config.fromfile(ROOT / 'configs/quickstart/retinanet_r18_irfs_400i_digits.py')
    cfg.model.backbone.base_channels = 8
    cfg.model.neck.update(in_channels=[8, 16, 32, 64], out_channels=16)
    cfg.model.bbox_head.update(in_channels=16, feat_channels=16, stacked_convs=1, num_classes=3)
    loader = cfg.train_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    loader.dataset.update(data_root=str(tmp_path), ann_file='train.json', data_prefix=dict(img='images/'),
                          metainfo=dict(classes=('a', 'b', 'c')))
    # Nothing random but the sampler: mmengine does not store the state of the generators that transforms draw from.
    loader.dataset.pipeline = [step for step in loader.dataset.pipeline if not step.type.startswith('Random')]
    loader.sampler.threshold = 0.9
    cfg.update(val_dataloader=None, val_cfg=None, val_evaluator=None, test_dataloader=None, test_cfg=None,
               test_evaluator=None)
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', T_max=3, end=3, by_epoch=True)]
    return cfg


def train(config, work_dir, by_epoch=True, **keys):
    """Train; return the images in the order they came, and the weights."""
    cfg = config.copy()
    cfg.update(work_dir=str(work_dir), experiment_name=f'{work_dir.name}_{len(list(work_dir.glob("*")))}')
    for key, value in keys.items():  # update() would merge them into the loop of the config
        cfg[key] = value
    cfg.default_hooks.update(checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=by_epoch, max_keep_ckpts=-1))
    cfg.log_processor.by_epoch = by_epoch
    runner = Runner.from_cfg(cfg)
    order = []
    runner.model.register_forward_pre_hook(
        lambda model, inputs, keywords: order.extend(sample.img_id for sample in keywords['data_samples']),
        with_kwargs=True)
    runner.train()
    return order, runner.model.state_dict()


def epochs(number):
    return dict(type='EpochBasedTrainLoop', max_epochs=number)


def test_resuming_by_epochs(config, tmp_path):  # fault 7
    order, weights = train(config, tmp_path / 'whole', train_cfg=epochs(3))
    first, _ = train(config, tmp_path / 'stopped', train_cfg=epochs(1))
    rest, resumed = train(config, tmp_path / 'stopped', train_cfg=epochs(3), resume=True)
    assert first + rest == order
    assert len(order) == 3 * len(first)
    assert order[:len(first)] != order[len(first):2 * len(first)]  # each epoch has its own draw
    assert weights.keys() == resumed.keys()
    for name, value in weights.items():
        assert torch.equal(value, resumed[name]), name


def iterations(number):
    return dict(by_epoch=False, param_scheduler=None, train_cfg=dict(type='IterBasedTrainLoop', max_iters=number))


def test_resuming_by_iterations(config, tmp_path):  # fault 9
    """mmengine passes over the batches that were trained on, here into the second epoch; the order goes on."""
    length = len(Runner.build_dataloader(config.train_dataloader, seed=0))
    order, weights = train(config, tmp_path / 'whole', **iterations(length + 2))
    first, _ = train(config, tmp_path / 'stopped', **iterations(length + 1))
    rest, resumed = train(config, tmp_path / 'stopped', **iterations(length + 2), resume=True)
    assert first + rest == order
    assert 0 < len(rest) <= 2
    for name, value in weights.items():
        assert torch.equal(value, resumed[name]), name


def test_an_epoch_left_in_the_middle_begins_anew(config, tmp_path):  # fault 9: what mmengine's epoch loop does
    order, _ = train(config, tmp_path / 'first', by_epoch=False, train_cfg=epochs(1))
    again, _ = train(config, tmp_path / 'again', by_epoch=False, train_cfg=epochs(1), resume=True,
                     load_from=str(tmp_path / 'first/iter_2.pth'))
    assert again == order


def test_iterations_go_on_into_the_next_epoch(config, tmp_path):
    sampler = Runner.build_dataloader(config.train_dataloader, seed=0).sampler
    batches = len(sampler)  # in two epochs, of two images each
    order, _ = train(config, tmp_path / 'iterations', **iterations(batches))
    expected = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        expected += [sampler.dataset.get_data_info(index)['img_id'] for index in sampler]
    assert order == expected
    assert order[:len(sampler)] != order[len(sampler):]
