"""What is read of a finished training, from files that are written here by hand."""

import json

import pytest
import torch

from imbdet.cli.grid_jobs import Job
from imbdet.cli.training_results import read_training

LOG = [{'loss': 2.0, 'time': 0.1}, {'loss': 1.0, 'time': 0.3}, {'coco/bbox_AP': 0.2, 'time': 9.0},
       {'loss': 0.5, 'time': 0.2}, {'coco/bbox_AP': 0.4, 'data_time': 0.1}]


def write_training(folder, log=LOG, **message_hub):
    """Write the folder of a training of 30 iterations with four images each."""
    (folder / '1/vis_data').mkdir(parents=True)
    (folder / '1/vis_data/scalars.json').write_text('\n'.join(map(json.dumps, log)))
    (folder / 'config.py').write_text('train_dataloader = dict(batch_size=4)\n')
    torch.save({'meta': {'iter': 30}, **message_hub}, folder / 'iter_30.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_30.pth'))
    return Job('irfs', 'baseline', 3, 'configs/config.py', [], folder, 'f')


@pytest.mark.parametrize(('message_hub', 'boxes'), [
    (dict(message_hub={'runtime_info': {'iter': 30, 'shown_boxes': 345}}), 345),
    (dict(message_hub={'runtime_info': {'shown_boxes': 0}}), 0),
    (dict(message_hub={'runtime_info': {'iter': 30}}), None),
    ({}, None),
])
def test_costs_and_metrics(tmp_path, message_hub, boxes):
    found = read_training(write_training(tmp_path, **message_hub))
    assert (found.iterations, found.images, found.boxes) == (30, 120, boxes)
    assert found.metrics == {'coco/bbox_AP': 0.4}
    assert found.step_seconds == pytest.approx(0.2)
    assert (found.name, found.baseline, found.seed, found.config, found.fingerprint, found.classes) == (
        'irfs', 'baseline', 3, 'configs/config.py', 'f', [])


@pytest.mark.parametrize(('log', 'missing'), [([], 'iterations'), (LOG[2:3], 'iterations'), (LOG[:2], 'a validation')])
def test_a_log_that_lacks_something(tmp_path, log, missing):
    with pytest.raises(ValueError, match=f'has no log of {missing} in'):
        read_training(write_training(tmp_path, log))
