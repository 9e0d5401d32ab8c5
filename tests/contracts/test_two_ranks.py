"""All hooks that attach to a detector in two processes, one of them without boxes: one state, and equal weights."""

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ..dataset_equity.write_likelihoods import write_for
from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set
from ..two_ranks import join_ranks, run_two_ranks


def _train(rank, folder):
    from mmdet.utils import register_all_modules

    from . import asking_loss  # noqa: F401  registers
    join_ranks(rank, folder)
    register_all_modules()
    torch.set_num_threads(1)
    model = tiny_detector('retinanet')
    model.bbox_head.loss_cls = dict(type='AskingLoss', use_sigmoid=True)
    config = training_config(folder, model, [
        dict(type='OptimalBiasInitHook', num_batches=4), dict(type='GuidedLossHook', momentum=0.5),
        dict(type='DatasetEquityHook', likelihoods=str(folder / 'equity.npz'))], max_iters=3)  # ClassCountsHook is put in
    config.train_dataloader.sampler.shuffle = False  # even images, which have boxes, go to rank 0
    config.train_dataloader.batch_size = 1
    config.work_dir = str(folder / f'work_{rank}')
    config.experiment_name = f'contract_{rank}'
    runner = Runner.from_cfg(config)
    runner.model = MMDistributedDataParallel(runner.model, find_unused_parameters=False)
    runner.train()
    checkpoint = {'state_dict': runner.model.module.state_dict()}
    runner.call_hook('before_save_checkpoint', checkpoint=checkpoint)
    torch.save(checkpoint, folder / f'{rank}.pth')


def test_one_state(tmp_path):
    write_training_set(tmp_path, num_boxes=[3, 0] * 4)
    write_for(tmp_path, [0.1 * index for index in range(8)])
    run_two_ranks(_train, tmp_path)
    one, other = (torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2))
    assert set(one) == {'state_dict', 'guided_loss', 'class_counts'}
    assert one['class_counts']['num_images'] == other['class_counts']['num_images'] == 8
    assert torch.equal(one['class_counts']['boxes'], other['class_counts']['boxes'])
    assert torch.equal(one['guided_loss']['loss_cls'], other['guided_loss']['loss_cls'])
    for name, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][name]) or 'running' in name, name
    assert torch.equal(one['state_dict']['bbox_head.loss_cls.class_counts'].long(), one['class_counts']['boxes'])
