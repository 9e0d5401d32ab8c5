"""The hook in two gloo processes: each weights its own images, and parameters stay equal."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set
from ..two_ranks import join_ranks, run_two_ranks
from .write_likelihoods import write_for

LIKELIHOODS = [0.0, 1.0] * 4  # even images, which go to rank 0, weigh 1, the others 0.5


class Log(Hook):
    """Keep the weight of each iteration."""

    def __init__(self):
        self.means = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.means.append(float(outputs['equity_weight_mean']))


def make_config(folder, hooks, work_dir):
    config = training_config(folder, tiny_detector('faster-rcnn'), hooks, max_iters=3, flip=0)
    config.train_dataloader.batch_size = 1
    config.train_dataloader.sampler.shuffle = False
    config.work_dir = str(folder / work_dir)
    config.experiment_name = f'{folder.name}_{work_dir}'
    return config


def _train(rank, folder):
    join_ranks(rank, folder)
    from mmdet.utils import register_all_modules
    register_all_modules()
    torch.set_num_threads(1)
    hook = dict(type='DatasetEquityHook', likelihoods=str(folder / 'equity.npz'), normalize='dataset', apply_to='all')
    runner = Runner.from_cfg(make_config(folder, [hook], f'work_{rank}'))
    runner.model = MMDistributedDataParallel(runner.model, find_unused_parameters=False)
    log = Log()
    runner.register_hook(log)
    runner.train()
    torch.save({'means': log.means, 'state': runner.model.module.state_dict()}, folder / f'{rank}.pth')


def test_each_rank_weights_its_images(tmp_path):
    write_training_set(tmp_path)
    write_for(tmp_path, LIKELIHOODS)
    run_two_ranks(_train, tmp_path)
    ranks = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    assert [rank['means'] for rank in ranks] == [[pytest.approx(4 / 3)] * 3, [pytest.approx(2 / 3)] * 3]  # mean 1
    for key, value in ranks[0]['state'].items():
        assert torch.equal(value, ranks[1]['state'][key]) or 'running' in key, key
