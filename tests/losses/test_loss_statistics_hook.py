"""The statistics of losses in trainings: with accumulated gradients, in two processes, resumed, and in another training."""

import pytest
import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, training_config, write_training_set
from ..two_ranks import join_ranks, run_two_ranks
from . import recorded_losses  # noqa: F401  registers


def detector():
    """A RetinaNet whose classes are left out by chance, and whose loss has statistics."""
    model = tiny_detector('retinanet')
    model.bbox_head.loss_cls = dict(type='FederatedLoss', use_sigmoid=True, num_kept=2, loss=dict(
        type='EqualizationLossV2', use_sigmoid=True))
    return model


def records(path):
    return torch.load(path, weights_only=True)


def test_accumulated_gradients(tmp_path):
    """They advance with the optimizer, by what all batches noted since."""
    write_training_set(tmp_path)
    optimizer = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01), accumulative_counts=2)
    make_runner(tmp_path, detector(), [dict(type='RecordLossesHook', path=str(tmp_path / 'records.pth'))], max_iters=4,
                optim_wrapper=optimizer).train()
    found = records(tmp_path / 'records.pth')
    assert not found['before'][0].any()
    assert not found['before'][1].any()
    assert torch.equal(found['before'][2], found['noted'][1])
    assert torch.equal(found['before'][3], found['before'][2])
    assert torch.equal(found['after'], found['noted'][1] + found['noted'][3])
    assert (found['noted'][1] >= found['noted'][0]).all()


@HOOKS.register_module(force=True)
class SpoilHook(Hook):
    """Lets a loss note what is not finite, in the second of the iterations."""

    priority = 'HIGHEST'

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 1:
            runner.model.bbox_head.loss_cls.loss.note(torch.full((2, 3), torch.nan))


def test_a_step_that_is_not_finite(tmp_path):
    """It is left out, and the log says so."""
    write_training_set(tmp_path)
    runner = make_runner(tmp_path, detector(), [dict(type='SpoilHook'), dict(
        type='RecordLossesHook', path=str(tmp_path / 'records.pth'))], max_iters=3)
    runner.train()
    found = records(tmp_path / 'records.pth')
    assert found['noted'][1].isnan().all()
    torch.testing.assert_close(found['after'], found['noted'][0] + found['noted'][2])
    log = next((tmp_path / 'work').glob(f'{runner.timestamp}/*.log')).read_text()
    assert 'what EqualizationLossV2 noted in this step is not finite' in log


def _train(rank, folder):
    from mmdet.utils import register_all_modules
    join_ranks(rank, folder)
    register_all_modules()
    torch.set_num_threads(1)
    config = training_config(folder, detector(), [dict(type='RecordLossesHook', path=str(folder / f'{rank}.pth'))], max_iters=3)
    config.train_dataloader.sampler.shuffle = False  # even images, which have boxes, go to rank 0
    config.train_dataloader.batch_size = 1
    config.work_dir = str(folder / f'work_{rank}')
    config.experiment_name = f'losses_{rank}'
    runner = Runner.from_cfg(config)
    runner.model = MMDistributedDataParallel(runner.model, find_unused_parameters=False)
    runner.train()


def test_two_ranks(tmp_path):
    """Both have the sums of what both noted, and both keep the same classes, those that either batch shows among them."""
    write_training_set(tmp_path, num_boxes=[3, 0] * 4)
    run_two_ranks(_train, tmp_path)
    one, other = (records(tmp_path / f'{rank}.pth') for rank in range(2))
    assert torch.equal(one['after'], other['after'])
    assert not torch.equal(one['noted'][0], other['noted'][0])
    expected = sum(noted for rank in (one, other) for noted in rank['noted'])
    torch.testing.assert_close(one['after'], expected)
    assert [kept.tolist() for kept in one['kept']] == [kept.tolist() for kept in other['kept']]


def test_a_resume_without_the_statistics(tmp_path):
    write_training_set(tmp_path)
    make_runner(tmp_path, tiny_detector('retinanet'), work_dir=str(tmp_path / 'plain')).train()
    with pytest.raises(ValueError, match=r'bbox_head\.loss_cls\.loss is EqualizationLossV2, of which the checkpoint has no'):
        make_runner(tmp_path, detector(), max_iters=4, load_from=str(tmp_path / 'plain/iter_2.pth'), resume=True).train()


def test_another_training_starts_anew(tmp_path):
    """Weights of a training that has statistics, loaded for another one."""
    write_training_set(tmp_path)
    make_runner(tmp_path, detector(), work_dir=str(tmp_path / 'first')).train()
    make_runner(tmp_path, detector(), [dict(type='RecordLossesHook', path=str(tmp_path / 'records.pth'))],
                load_from=str(tmp_path / 'first/iter_2.pth')).train()
    assert not records(tmp_path / 'records.pth')['before'][0].any()
