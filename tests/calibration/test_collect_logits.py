"""The pass over training images for LogN, compared with logits kept and counted by numpy; in one process and in two."""

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from imbdet.calibration import LogitStatistics
from imbdet.calibration.collect_logits import collect_logits
from imbdet.heads import find_class_layers

from ..tiny_detectors import tiny_detector
from ..tiny_training import make_runner, write_training_set
from ..two_ranks import join_ranks, run_two_ranks


def batches_of(folder, name, **changes):
    write_training_set(folder)
    runner = make_runner(folder, tiny_detector(name, **changes), flip=0.0)
    return runner.model, list(runner.train_dataloader)


@pytest.mark.parametrize(('name', 'width'), [('retinanet', 3), ('faster-rcnn', 4), ('cascade-rcnn', 4), ('yolov3', 3)])
def test_statistics_of_all_rows(name, width, tmp_path):
    """Of a box head the regions that it samples, of a dense head all anchors, as its loss sees them."""
    detector, batches = batches_of(tmp_path, name)
    seen = {}
    for each in find_class_layers(detector):
        each.layer.register_forward_hook(lambda layer, inputs, output, name=each.name: seen.setdefault(name, []).append(output))
    detector.eval()  # a mode that is not that of the pass
    state = copy.deepcopy(detector.state_dict())
    torch.manual_seed(0)
    found = collect_logits(detector, batches)
    assert not detector.training
    assert all(torch.equal(value, state[key]) for key, value in detector.state_dict().items())
    assert found.keys() == seen.keys()
    for key, outputs in seen.items():
        assert len(outputs) >= len(batches)
        if name == 'yolov3':
            rows = np.concatenate([part.permute(0, 2, 3, 1).reshape(-1, 8)[:, 5:] for part in outputs])
        else:
            last = [part.permute(0, 2, 3, 1) if part.ndim == 4 else part for part in outputs]
            rows = np.concatenate([part.reshape(-1, width) for part in last])
        assert int(found[key].rows) == len(rows)
        assert np.allclose(found[key].mean, rows.mean(0, dtype=np.float64), rtol=1e-6)
        assert np.allclose(found[key].variance, rows.var(0, dtype=np.float64), rtol=1e-6)


def test_hooks_are_removed_after_an_error(tmp_path):
    detector, batches = batches_of(tmp_path, 'retinanet')
    del batches[1]['inputs']
    with pytest.raises(KeyError):
        collect_logits(detector, batches)
    assert not any(module._forward_hooks for module in detector.modules())


def _collect(rank, folder):
    join_ranks(rank, folder)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    detector = MODELS.build(tiny_detector('retinanet'))
    batches = torch.load(folder / 'batches.pth', weights_only=False)
    found = collect_logits(detector, batches[:3] if rank == 0 else batches[3:])
    torch.save({name: tuple(each) for name, each in found.items()}, folder / f'{rank}.pth')


def test_two_ranks_collect_what_one_does(tmp_path):
    _, batches = batches_of(tmp_path, 'retinanet')
    torch.save(batches, tmp_path / 'batches.pth')
    run_two_ranks(_collect, tmp_path)
    torch.manual_seed(0)
    alone = collect_logits(MODELS.build(tiny_detector('retinanet')), batches)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1))
    for name, expected in alone.items():
        assert all(map(torch.equal, first[name], second[name]))
        statistics = LogitStatistics(*first[name])
        assert int(statistics.rows) == int(expected.rows)
        assert torch.allclose(statistics.mean, expected.mean)
        assert torch.allclose(statistics.variance, expected.variance)
