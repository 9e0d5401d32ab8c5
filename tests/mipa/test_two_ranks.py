"""MiPa with the modality head in two gloo processes: masks differ, parameters stay equal, evaluation is that of one."""

import json

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ..two_ranks import join_ranks, run_two_ranks
from .paired_training import evaluated, model_config, training_config
from .pairs_of_images import paired_dataset, write_pairs


class Keep(Hook):
    """Keep maps of the first batches, and the results of the evaluation."""

    def __init__(self):
        self.maps, self.results = [], {}

    def before_train(self, runner):
        runner.model.register_forward_pre_hook(self._keep, with_kwargs=True)

    def _keep(self, model, inputs, keywords):
        if keywords.get('mode') == 'loss':
            self.maps.append(torch.stack([sample.modality_map for sample in keywords['data_samples']]))

    def after_val_epoch(self, runner, metrics=None):
        self.results = metrics


def make_config(folder, work_dir, norm, single_images=False):
    model = model_config('retinanet', 8, 1, dict(ir_ratio='learnable'), norm_cfg=dict(type=norm))
    model['detector'].test_cfg.score_thr = 0.0
    config = training_config(folder, model, **evaluated(folder))
    config.train_dataloader.batch_size = 1
    # Batch normalization's running statistics are those of each rank's images, so that evaluations would differ.
    config.custom_hooks = [dict(type='SyncBuffersHook')]
    if single_images:  # after the pairs, of which there are five: the third iteration has one of each
        config.train_dataloader.sampler.shuffle = False
        config.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
            paired_dataset(folder, filter_cfg=dict(filter_empty_gt=False)), paired_dataset(folder, modality='rgb')])
    config.work_dir = str(folder / work_dir)
    return config


def _train(rank, folder, *arguments):
    join_ranks(rank, folder)
    from mmdet.utils import register_all_modules
    register_all_modules()
    torch.set_num_threads(1)
    runner = Runner.from_cfg(make_config(folder, f'work_{rank}', *arguments))
    runner.model = MMDistributedDataParallel(runner.model, find_unused_parameters=False)
    keep = Keep()
    runner.register_hook(keep)
    runner.train()
    torch.save({'maps': torch.stack(keep.maps), 'state': runner.model.module.state_dict()}, folder / f'{rank}.pth')
    (folder / f'{rank}.json').write_text(json.dumps(keep.results))


def test_two_ranks(tmp_path):
    """Five pairs, so that the evaluation is padded, and one of the ranks sees no ground truth at times."""
    write_pairs(tmp_path, num_images=5, num_boxes=[3, 0, 2, 0, 1])
    run_two_ranks(_train, tmp_path, 'BN1d')
    ranks = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    assert ranks[0]['maps'].shape == ranks[1]['maps'].shape == (6, 1, 1, 12, 16)
    for first, second in zip(ranks[0]['maps'], ranks[1]['maps'], strict=True):
        assert not torch.equal(first, second)
    for key, value in ranks[0]['state'].items():
        assert torch.equal(value, ranks[1]['state'][key]), key
    assert ranks[0]['state']['data_preprocessor.learnable_ratio.mean'] != -0.5
    results = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    assert results[0] == results[1]
    alone = Runner.from_cfg(make_config(tmp_path, 'alone', 'BN1d'))
    alone.model.load_state_dict(ranks[0]['state'])
    found = alone.val()
    assert found == pytest.approx(results[0], abs=1e-9)
    assert {'rgb/bbox_mAP', 'ir/bbox_mAP', 'mean/bbox_mAP'} <= set(found)
    assert max(found.values()) > 0


def test_a_rank_without_pairs(tmp_path):  # fault 22
    """A learnt share waits for the gradient of every rank, of one whose image has a single modality too."""
    write_pairs(tmp_path, num_images=5)
    run_two_ranks(_train, tmp_path, 'LN', True)
    ranks = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    infrared = [[bool(chosen.any()) for chosen in rank['maps'][:5]] for rank in ranks]
    assert infrared == [[True, True, True, False, False], [True, True, False, False, False]]
    for key, value in ranks[0]['state'].items():
        assert torch.equal(value, ranks[1]['state'][key]), key
    assert ranks[0]['state']['data_preprocessor.learnable_ratio.mean'] != -0.5
