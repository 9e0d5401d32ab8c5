"""tools/dist_train.sh and dist_test.sh on two processes without a GPU: each of the methods, and all four together."""

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.runner import Runner

from .. import rank_records  # noqa: F401  registers the hook
from ..combined_training import METHODS, combined_config, write_rare_pairs
from ..mipa.paired_training import evaluated

ROOT = Path(__file__).parents[2]
# Most images hold no box: of two that are seen at a time, one at least. Seven, so that the last rank is given one again.
NUM_BOXES = [3, 0, 0, 7, 0, 6, 0]
COMBINATIONS = {**{method: (method, ) for method in METHODS}, 'combined': METHODS}


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def launch(script, *arguments, cwd):
    """Run a script of tools/ on two processes; a hang ends, with all its processes, in an error."""
    environment = dict(os.environ, PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]),
                       PYTHONPATH=str(ROOT), PORT=str(free_port()), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1')
    process = subprocess.Popen([ROOT / 'tools' / script, *map(str, arguments)], cwd=cwd, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)  # torchrun ends its processes
        raise
    assert process.returncode == 0, said[-4000:]


def make_config(folder, name):
    """Config of one epoch and a validation; the detector gives all its detections, so that there is something to score."""
    methods = COMBINATIONS[name]
    evaluation = evaluated(folder)
    metric = dict(type='LongTailMetric', style='coco', ann_file=str(folder / 'train.json'),
                  train_ann_file=str(folder / 'train.json'))
    if 'mipa' in methods:
        evaluation['val_evaluator']['metric'] = metric
    else:  # of visible images alone
        evaluation['val_dataloader']['dataset'] = evaluation['val_dataloader']['dataset']['datasets'][0]
        evaluation['val_evaluator'] = metric
    # Of one image: a processor may round a batch of two otherwise than two of one, and two ranks have other batches.
    evaluation['val_dataloader']['batch_size'] = 1
    tests = dict(test_dataloader=evaluation['val_dataloader'], test_evaluator=evaluation['val_evaluator'],
                 test_cfg=dict(type='TestLoop'))
    config = combined_config(folder, methods, batch_size=1, num_batches=99, **evaluation, **tests)
    config.custom_imports = dict(imports=['imbdet', 'tests.rank_records'], allow_failed_imports=False)
    config.work_dir = str(folder / name)
    config.custom_hooks.append(dict(type='RankRecords'))
    detector = config.model.get('detector', config.model)
    detector.test_cfg.score_thr = 0.0
    # Batch normalisation keeps statistics of its own on each rank, with which ranks would detect differently.
    detector.backbone.norm_cfg = dict(type='GN', num_groups=4)
    return config


def records(work_dir):
    return [json.loads((work_dir / f'rank_{rank}.json').read_text()) for rank in range(2)]


@pytest.fixture(scope='module', params=[
    pytest.param(name, marks=() if name == 'combined' else pytest.mark.slow) for name in COMBINATIONS])  # each alone: minutes
def trained(request, tmp_path_factory):
    """A combination's config and its work directory, trained on two processes."""
    folder = write_rare_pairs(tmp_path_factory.mktemp(request.param), NUM_BOXES)
    config = make_config(folder, request.param)
    config.dump(folder / 'config.py')
    launch('dist_train.sh', folder / 'config.py', 2, cwd=folder)
    return config, folder / request.param


def test_parameters_are_equal(trained):
    first, second = (record['parameters'] for record in records(trained[1]))
    assert first == second
    assert len(first) > 4
    assert len(set(first)) > 2  # and change, unless no rank has a box and guided losses are 0


def test_samplers_are_disjoint_and_complete(trained):
    """What the ranks see, in turn, is the epoch of one process, and its first image again if it is odd."""
    config, work_dir = trained
    epoch = list(Runner.build_dataloader(config.train_dataloader, seed=0).sampler)
    seen = [np.concatenate(record['images']).tolist() for record in records(work_dir)]
    assert len(seen[0]) == len(seen[1]) == math.ceil(len(epoch) / 2)
    assert np.stack(seen, axis=1).flatten().tolist() == np.resize(epoch, 2 * len(seen[0])).tolist()
    assert set(epoch) == set(range(len(NUM_BOXES)))


def test_a_rank_without_ground_truth(trained):
    """While the other has some; losses stay finite, and the run has come to its end."""
    ranks = records(trained[1])
    boxes = np.array([record['boxes'] for record in ranks])
    assert ((boxes == 0).any(axis=0) & (boxes > 0).any(axis=0)).any()
    assert all(math.isfinite(value) for record in ranks for entry in record['logged'] for value in entry.values())


def test_methods_are_at_work(trained):
    """The ratio of guided losses is that of the sums over ranks; weights and mixed patches are each rank's own."""
    _, work_dir = trained
    methods = COMBINATIONS[work_dir.name]
    ranks = [record['logged'] for record in records(work_dir)]
    if 'sampler' in methods:
        assert sum(len(record['images']) for record in records(work_dir)) > len(NUM_BOXES) + 1
    if 'sampling_free' in methods:
        for first, second in zip(*ranks, strict=True):
            assert first['guided_weight_cls'] == second['guided_weight_cls']
            assert first['loss_cls'] + second['loss_cls'] == pytest.approx(first['loss_bbox'] + second['loss_bbox'], rel=1e-4)
    if 'equity' in methods:
        weights = (1 + (1 - np.linspace(0, 1, len(NUM_BOXES)))**5) / 2
        for record in records(work_dir):
            logged = [entry['equity_weight_mean'] for entry in record['logged']]
            assert logged == pytest.approx(weights[np.concatenate(record['images'])] / weights.mean(), rel=1e-5)
    if 'mipa' in methods:
        losses = [[entry['loss_modality'] for entry in rank] for rank in ranks]
        assert min(losses[0] + losses[1]) > 0
        assert losses[0] != losses[1]


def test_the_evaluation_is_that_of_one_process(trained):
    config, work_dir = trained
    first, second = (record['results'] for record in records(work_dir))
    assert first == second
    alone = Runner.from_cfg({**config, 'work_dir': str(work_dir / 'alone'), 'load_from': str(work_dir / 'epoch_1.pth')})
    assert alone.val() == pytest.approx(first, abs=1e-9)
    assert max(first.values()) > 0
    if work_dir.name == 'combined':
        launch('dist_test.sh', work_dir.parent / 'config.py', work_dir / 'epoch_1.pth', 2, '--work-dir',
               work_dir / 'tested', cwd=work_dir)
        for record in records(work_dir / 'tested'):
            assert record['results'] == pytest.approx(first, abs=1e-9)
