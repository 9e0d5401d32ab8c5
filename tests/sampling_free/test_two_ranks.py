"""Both hooks in two gloo processes, the second without ground truth."""

import json

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set
from ..two_ranks import join_ranks, run_two_ranks


class Losses(Hook):
    """Keep what each iteration logs."""

    def __init__(self):
        self.iterations = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.iterations.append({key: float(value) for key, value in outputs.items()})


def make_config(folder, name, **keys):
    config = training_config(folder, tiny_detector(name), [
        dict(type='OptimalBiasInitHook', num_batches=99), dict(type='GuidedLossHook', **keys)], max_iters=3, flip=0)
    config.train_dataloader.batch_size = 1
    config.train_dataloader.sampler.shuffle = False  # even images, which have boxes, go to rank 0
    config.experiment_name = folder.name
    return config


def _train(rank, folder, name, keys):
    join_ranks(rank, folder)
    from mmdet.utils import register_all_modules
    register_all_modules()
    torch.set_num_threads(1)
    config = make_config(folder, name, **keys)
    config.work_dir = str(folder / f'work_{rank}')
    runner = Runner.from_cfg(config)
    runner.model = MMDistributedDataParallel(runner.model, find_unused_parameters=False)
    losses = Losses()
    runner.register_hook(losses)
    runner.train()
    torch.save(runner.model.module.state_dict(), folder / f'{rank}.pth')
    (folder / f'{rank}.json').write_text(json.dumps(losses.iterations))


@pytest.mark.parametrize(('name', 'keys'), [
    ('retinanet', dict(freeze_after=1)),
    pytest.param('faster-rcnn', dict(momentum=0.2), marks=pytest.mark.slow)])
def test_a_rank_without_ground_truth(name, keys, tmp_path):  # fault 22
    write_training_set(tmp_path, num_boxes=[3, 0] * 4)
    run_two_ranks(_train, tmp_path, name, keys)
    weights = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]) or 'running' in key, key
    logs = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    pairs = {'retinanet': {'cls': 'bbox'}, 'faster-rcnn': {'cls': 'bbox', 'rpn_cls': 'rpn_bbox'}}[name]
    for index, (first, second) in enumerate(zip(*logs, strict=True)):
        for classification, regression in pairs.items():
            assert first[f'guided_weight_{classification}'] == second[f'guided_weight_{classification}']
            assert second[f'loss_{regression}'] == 0
            if index == 0:  # the ratio is that of the sums over ranks
                assert first[f'loss_{classification}'] + second[f'loss_{classification}'] == pytest.approx(
                    first[f'loss_{regression}'], rel=1e-5)
    if 'freeze_after' in keys:  # what is kept is averaged over ranks that had positives: rank 0's own ratio
        own = logs[0][0]['loss_bbox'] / (logs[0][0]['loss_cls'] / logs[0][0]['guided_weight_cls'])
        assert [log['guided_weight_cls'] for log in logs[0][1:]] == pytest.approx([own] * 2, rel=1e-5)
    measured = [json.loads(path.read_text()) for path in tmp_path.glob('work_*/foreground_prior.json')]
    assert len(measured) == 1  # rank 0 alone writes
    (tmp_path / 'one').mkdir()
    alone = Runner.from_cfg({**make_config(tmp_path, name), 'work_dir': str(tmp_path / 'one'), 'experiment_name': 'one',
                             'train_cfg': dict(type='IterBasedTrainLoop', max_iters=1)})
    alone.train()
    assert json.loads((tmp_path / 'one/foreground_prior.json').read_text()) == measured[0]
