"""A grid of tiny trainings: stopped and continued, shared among processes, and what it says of wrong grids."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import imbdet.reports.grid.grid_report
from imbdet.cli import grid, grid_jobs, grid_trainings, main
from imbdet.reports import read_results, write_grid_report, write_results
from imbdet.reports.grid.grid_results import Training

from ..forked_python import fork_python
from ..tiny_detectors import tiny_detector
from ..tiny_training import scalars, training_config, write_training_set

GRID = '''
seeds = [0]
runs = dict(
    baseline=dict(config='config.py'),
    slow=dict(config='config.py', cfg_options={'train_cfg.max_iters': 3, 'optim_wrapper.optimizer.lr': 0.02}))
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with data, a config of two iterations and a validation, and a grid."""
    folder = tmp_path_factory.mktemp('grid')
    write_training_set(folder)
    evaluator = dict(type='LongTailMetric', style='coco', ann_file=str(folder / 'train.json'),
                     train_ann_file=str(folder / 'train.json'))
    config = training_config(folder, tiny_detector('retinanet'), val_cfg=dict(type='ValLoop'), val_evaluator=evaluator,
                             vis_backends=[dict(type='LocalVisBackend')])
    config.visualizer = dict(type='DetLocalVisualizer', vis_backends=config.vis_backends)
    loader = json.loads(json.dumps(config.train_dataloader))
    loader['sampler']['shuffle'] = False
    config.val_dataloader = loader
    config.custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
    config.pop('work_dir')
    config.dump(folder / 'config.py')
    (folder / 'grid.py').write_text(GRID)
    return folder


def start(folder):
    """Start the command in a process of its own."""
    return subprocess.Popen([sys.executable, '-m', 'imbdet', 'grid', 'grid.py'], cwd=folder, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env={**os.environ, 'OMP_NUM_THREADS': '1'})


@pytest.fixture
def run(folder, monkeypatch, capsys):
    """A function that runs the command in this process and returns what it printed."""

    def run(*arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(signal, 'signal', lambda *_: None)  # pytest keeps its own
        with contextlib.suppress(SystemExit):
            main(['grid', *arguments])
        return ''.join(capsys.readouterr())

    return run


def test_stopped_and_continued(folder):
    """What was finished stays, the training that was cut off ends with the grid, and the rest is done later."""
    work_dir = folder / 'work_dirs/grid'
    stopped = start(folder)
    first, second = work_dir / 'baseline/seed_0', work_dir / 'slow/seed_0'
    deadline, trainings = time.monotonic() + 300, []
    while not (second.is_dir() and trainings) and time.monotonic() < deadline and stopped.poll() is None:
        time.sleep(0.1)
        trainings = psutil.Process(stopped.pid).children()
    training, = trainings
    stopped.send_signal(signal.SIGTERM)
    output, _ = stopped.communicate(timeout=60)
    assert stopped.returncode == 1, output
    assert not training.is_running()
    assert (first / 'training.json').is_file()
    assert not (second / 'training.json').exists()
    logs = sorted(first.rglob('*.json'))

    again = fork_python('-m', 'imbdet', 'grid', 'grid.py', cwd=folder)
    assert again.returncode == 0, again.stderr
    assert '2 of 2 trainings are finished' in again.stdout
    assert 'slow, seed 0: finished' in again.stderr.splitlines()  # also where no bar is drawn
    assert sorted(first.rglob('*.json')) == logs  # not trained again
    baseline, slow = read_results(work_dir / 'results.json')
    assert (baseline.name, baseline.iterations, baseline.images, baseline.boxes) == ('baseline', 2, 4, 12)
    assert (slow.name, slow.iterations, slow.images, slow.boxes) == ('slow', 3, 6, 18)
    assert baseline.fingerprint != slow.fingerprint
    for training, where in ((baseline, first), (slow, second)):
        logged = scalars(where)
        assert training.metrics == {name: value for name, value in logged[-1].items() if '/bbox_' in name}
        assert len(training.metrics) == 9
        assert training.step_seconds == pytest.approx(sorted(line['time'] for line in logged if 'loss' in line)[1], rel=0.5)
    assert 'slow minus baseline' in (work_dir / 'table.md').read_text()


def test_results_of_another_config(run):
    """After the test above: its folder is not mixed with other settings."""
    said = run('grid.py', '--cfg-options', 'optim_wrapper.optimizer.lr=0.5')
    assert 'baseline/seed_0 contains a training with another config than config.py' in said


@pytest.mark.parametrize('environment', [dict(RANK='1', WORLD_SIZE='2', LOCAL_RANK='1'),
                                         dict(SLURM_PROCID='1', SLURM_NTASKS='2', SLURM_LOCALID='1')])
def test_a_process_of_several(run, monkeypatch, environment):
    """Of a grid whose share is done nothing is trained, and what is finished is reported."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert '2 of 2 trainings are finished' in run('grid.py')


def test_a_training_that_another_process_ends_during_the_report(tmp_path, monkeypatch):
    """A process that is slow to write its report does not leave an older one behind."""
    first, second = (grid_jobs.Job(name, 'a', 0, 'config.py', [], tmp_path / name, 'f') for name in 'ab')
    results = {job.name: Training(job.name, 'a', 0, 'config.py', 'f', {'coco/bbox_AP': 0.3}, [], 2, 4, 0.1, 'CPU', {})
               for job in (first, second)}
    write_results(first.folder / 'training.json', [results['a']])

    def write_report(*arguments):
        write_results(second.folder / 'training.json', [results['b']])
        return write_grid_report(*arguments)

    monkeypatch.setattr(imbdet.reports.grid.grid_report, 'write_grid_report', write_report)
    grid.report([first, second], tmp_path, None)
    assert read_results(tmp_path / 'results.json') == list(results.values())


def test_shares_are_disjoint_and_complete(monkeypatch):
    jobs, shares = list(range(7)), []
    for rank in range(3):
        monkeypatch.setenv('RANK', str(rank))
        monkeypatch.setenv('WORLD_SIZE', '3')
        shares += grid_jobs.share_of_this_process(jobs)[0]
    assert sorted(shares) == jobs


def test_trainings_do_not_think_they_are_ranks(monkeypatch):
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,5,6')
    environment = grid_trainings.environment(4, 2)
    assert 'RANK' not in environment
    assert environment['CUDA_VISIBLE_DEVICES'] == '5'


def test_options_of_the_run_and_of_all(folder, monkeypatch):
    monkeypatch.chdir(folder)
    jobs = grid_jobs.read_grid('grid.py', Path('work'), ['train_dataloader.batch_size=4'])
    assert [(job.name, job.seed, job.baseline) for job in jobs] == [('baseline', 0, 'baseline'), ('slow', 0, 'baseline')]
    assert jobs[1].options == ['train_cfg.max_iters=3', 'optim_wrapper.optimizer.lr=0.02', 'train_dataloader.batch_size=4']


@pytest.mark.parametrize(('content', 'message'), [
    ('seeds = [0]', r'needs runs = dict'),
    ("runs = dict(a=dict(config='config.py'))", r'needs runs = dict.* and seeds'),
    ("seeds = [0]; runs = dict(a=dict())", "run 'a' must have config"),
    ("seeds = [0]; runs = dict(a=dict(config='config.py', options=1))", r"run 'a' .*got \['config', 'options'\]"),
    ("seeds = [0]; runs = dict(a=dict(config='config.py', baseline='b'))", "baseline 'b' of run 'a' must be a run"),
    ("seeds = [0]; runs = dict(a=dict(config='none.py'))", r'config not found: none\.py'),
])
def test_wrong_grids(folder, monkeypatch, content, message):
    monkeypatch.chdir(folder)
    Path('wrong.py').write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        grid_jobs.read_grid('wrong.py', Path('work'), [])


def test_a_training_that_fails(run, folder):
    """It is named, with its output."""
    (folder / 'failing.py').write_text("seeds = [0]\nruns = dict(bad=dict(config='config.py', "
                                       "cfg_options={'model.bbox_head.num_classes': 'many'}))\n")
    assert '1 trainings failed: bad with seed 0 (exit code 1; see work_dirs/failing/bad/seed_0/train.out)' in run('failing.py')
    assert 'Error' in (folder / 'work_dirs/failing/bad/seed_0/train.out').read_text()


def test_merging(tmp_path, monkeypatch, run):
    """The reports of merged results are tested beside the report."""
    results = [Training(name, 'a', 0, 'config.py', name, {'coco/bbox_AP': 0.3}, [], 2, 4, 0.1, 'CPU', {}) for name in 'ab']
    files = []
    for training in results:
        files.append(str(tmp_path / training.name / 'results.json'))
        write_results(files[-1], [training])
    assert 'wrote work_dirs/grid_report/index.html' in run(*files)
    assert read_results('work_dirs/grid_report/results.json') == results
    assert 'wrote other/index.html' in run(*files, '--work-dir', 'other', '--runs', 'b')
    assert read_results('other/results.json') == results[1:]


@pytest.mark.parametrize(('arguments', 'message'), [
    (['grid.py', 'other.py'],
     'FILE must be one grid (a .py file), or results.json of one or more grids, got grid.py, other.py'),
    (['grid.py', 'results.json'], 'FILE must be one grid'),
    (['grid.py', '--runs', 'a'], '--runs cannot be used with a grid, got grid.py'),
    (['results.json', '--jobs', '2', '--cfg-options', 'a=1'], '--jobs, --cfg-options cannot be used with results'),
    (['grid.py', '--cfg-options', 'lr'], "--cfg-options must be key=value pairs, got 'lr'"),
])
def test_arguments_that_do_not_fit(run, arguments, message):
    assert f'imbdet: error: ValueError: {message}' in run(*arguments)
