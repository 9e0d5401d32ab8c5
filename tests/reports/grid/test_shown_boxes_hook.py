"""The count of the boxes that a training shows, against loops over the annotation file."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from imbdet.reports.grid.shown_boxes_hook import SHOWN_BOXES, ShownBoxesHook

from ...tiny_detectors import tiny_detector
from ...tiny_training import training_config, write_training_set

NUM_BOXES = [3, 0, 1, 2, 4, 1, 2, 5]
OPTIONS = {'default_hooks.shown_boxes.type': f'{ShownBoxesHook.__module__}.ShownBoxesHook'}
"""How the grid adds the hook to the config of a training."""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A training set, in which the first box of images 0 and 4 is a crowd."""
    folder = tmp_path_factory.mktemp('shown_boxes')
    write_training_set(folder, num_boxes=NUM_BOXES)
    content = json.loads((folder / 'train.json').read_text())
    for image in (0, 4):
        next(each for each in content['annotations'] if each['image_id'] == image)['iscrowd'] = 1
    (folder / 'train.json').write_text(json.dumps(content))
    return folder


def boxes_of(folder, images):
    """Boxes of images of the file, without crowds."""
    annotations = json.loads((folder / 'train.json').read_text())['annotations']
    return sum(each['image_id'] == image and not each['iscrowd'] for image in images for each in annotations)


def train(folder, work, max_iters, options=OPTIONS, **keys):
    """Train with images in the order of the file, two in each iteration; return the count in the last checkpoint."""
    config = training_config(folder, tiny_detector('retinanet'), max_iters=max_iters, work_dir=str(folder / work), **keys)
    config.merge_from_dict(options)
    config.train_dataloader.sampler.shuffle = False
    config.experiment_name = f'{work}_{max_iters}'
    Runner.from_cfg(config).train()
    checkpoint = torch.load(folder / work / f'iter_{max_iters}.pth', weights_only=True)
    return checkpoint['message_hub']['runtime_info'].get(SHOWN_BOXES)


def test_boxes_are_counted_with_repeats_and_without_crowds(folder):
    assert train(folder, 'whole', 5) == boxes_of(folder, [*range(8), 0, 1]) == sum(NUM_BOXES) - 2 + 2


def test_a_resumed_training_counts_on(folder):
    first = train(folder, 'resumed', 1)
    assert first == boxes_of(folder, [0, 1])
    assert train(folder, 'resumed', 3, resume=True) == boxes_of(folder, range(6))


def test_boxes_before_a_resume_that_nobody_counted(folder):
    assert train(folder, 'late', 1, options={}) is None
    assert train(folder, 'late', 2, resume=True) is None


def test_a_training_from_weights_begins_at_zero(folder):
    train(folder, 'weights', 1)
    assert train(folder, 'finetuned', 1, load_from=str(folder / 'weights/iter_1.pth')) == boxes_of(folder, [0, 1])


def sample(num_boxes):
    return DetDataSample(gt_instances=InstanceData(bboxes=torch.zeros(num_boxes, 4)),
                         ignored_instances=InstanceData(bboxes=torch.zeros(7, 4)))


def count(name, *batches):
    """Count the boxes of batches without a training."""
    runner, hook = SimpleNamespace(iter=0, message_hub=MessageHub.get_instance(name)), ShownBoxesHook()
    hook.before_train(runner)
    for batch in batches:
        hook.before_train_iter(runner, 0, {'data_samples': batch})
    return runner.message_hub.get_info(SHOWN_BOXES)


def test_branches_of_a_semi_supervised_training():
    assert count('branches', {'sup': [sample(2), sample(1)], 'unsup_teacher': [sample(0)]}, {'sup': [sample(4)]}) == 7


def _count_on_a_rank(rank, folder):
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
    found = count('rank', [sample(3 * rank)], [sample(1), sample(2)])
    np.save(folder / f'{rank}.npy', found)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_boxes_of_all_ranks_are_counted_on_each(tmp_path):
    torch.multiprocessing.spawn(_count_on_a_rank, (tmp_path, ), nprocs=2)
    assert [int(np.load(tmp_path / f'{rank}.npy')) for rank in range(2)] == [3 + 6] * 2
