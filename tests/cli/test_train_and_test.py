"""``imbdet train`` and ``imbdet test`` end to end, on a detector that is too small to learn anything."""

import csv
import json
import pickle
from pathlib import Path

import pytest
import torch

from imbdet.mmcv_ops import ops_in_use

from ..forked_python import fork_python

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/quickstart/retinanet_r18_irfs_400i_digits.py'
TINY = ('model.backbone.base_channels=8', 'model.neck.in_channels=[8,16,32,64]', 'model.neck.out_channels=16',
        'model.bbox_head.in_channels=16', 'model.bbox_head.feat_channels=16', 'model.bbox_head.stacked_convs=1',
        'model.test_cfg.nms_pre=100', 'model.test_cfg.max_per_img=20', 'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False', 'val_dataloader.num_workers=0',
        'val_dataloader.persistent_workers=False', 'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False', 'train_cfg.val_interval=4', 'default_hooks.checkpoint.interval=4',
        'default_hooks.logger.interval=2')


@pytest.fixture(scope='module')
def folder(digits, tmp_path_factory):
    """A working folder with data/digits_longtail."""
    path = tmp_path_factory.mktemp('work')
    (path / 'data').mkdir()
    (path / 'data/digits_longtail').symlink_to(digits)
    return path


@pytest.fixture(scope='module')
def command(folder):
    """A function that runs a verb on the tiny config."""

    def run(verb, *arguments, options=()):
        return fork_python('-m', 'imbdet', verb, *arguments, '--cfg-options', *TINY, *options, cwd=folder)

    return run


@pytest.fixture(scope='module')
def trained(command, folder):
    process = command('train', CONFIG, options=['train_cfg.max_iters=4'])
    assert process.returncode == 0, process.stderr
    return folder / 'work_dirs' / CONFIG.stem


def run_folder(work_dir):
    """Folder of the latest run's log."""
    return max(path for path in work_dir.iterdir() if path.is_dir())


def logged(work_dir):
    folder = run_folder(work_dir)
    return (folder / f'{folder.name}.log').read_text()


def test_training_leaves_what_mmdet_users_expect(trained):
    assert (trained / 'iter_4.pth').is_file()
    assert Path((trained / 'last_checkpoint').read_text()).name == 'iter_4.pth'
    text = logged(trained)
    assert 'RepeatFactorSampler (irfs, threshold 0.1)' in text
    assert text.count(ops_in_use()) == 1
    for name in ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf'):
        assert f'lvis/bbox_{name}: ' in text
    rows = list(csv.DictReader((run_folder(trained) / 'class_ap_bbox.csv').open()))
    assert len(rows) == 20
    assert {row['frequency'] for row in rows} == {'r', 'c', 'f'}


def test_testing_repeats_the_validation_and_dumps(command, trained, folder):
    process = command('test', CONFIG, trained / 'iter_4.pth', '--work-dir', folder / 'tested', '--out',
                   folder / 'found.pkl')
    assert process.returncode == 0, process.stderr
    tested = run_folder(folder / 'tested')
    results = json.loads((tested / f'{tested.name}.json').read_text())
    lines = (run_folder(trained) / 'vis_data/scalars.json').read_text().splitlines()
    validated = json.loads(lines[-1])
    for name in ('AP', 'APr', 'APc', 'APf'):
        assert results[f'lvis/bbox_{name}'] == validated[f'lvis/bbox_{name}']
    assert len(pickle.loads((folder / 'found.pkl').read_bytes())) == 200


def test_detections_are_painted(command, trained, folder):
    process = command('test', CONFIG, trained / 'iter_4.pth', '--work-dir', folder / 'shown', '--show-dir', 'painted',
                      options=['test_dataloader.dataset.indices=2'])
    assert process.returncode == 0, process.stderr
    assert len(list(run_folder(folder / 'shown').glob('painted/**/*.jpg'))) == 2


def test_saved_predictions_give_the_same_without_the_detector(command, trained, folder):
    process = command('test', CONFIG, trained / 'iter_4.pth', '--work-dir', folder / 'tested_again', '--out',
                   folder / 'found.json')
    assert process.returncode == 0, process.stderr
    found = json.loads((folder / 'found.json').read_text())
    assert set(found[0]) == {'image_id', 'category_id', 'bbox', 'score'}
    # A detector that could not be built if it were needed.
    process = command('test', CONFIG, folder / 'found.json', '--work-dir', folder / 'offline',
                   options=['model.type=NoSuchDetector'])
    assert process.returncode == 0, process.stderr
    expected, results = (json.loads((run / f'{run.name}.json').read_text())
                         for run in (run_folder(folder / 'tested_again'), run_folder(folder / 'offline')))
    scores = {name: value for name, value in expected.items() if name.startswith('lvis/')}
    assert len(scores) == 9
    assert results == pytest.approx(scores, abs=1e-9)
    assert 'lvis/bbox_APr: ' in logged(folder / 'offline')
    assert (run_folder(folder / 'offline') / 'class_ap_bbox.csv').is_file()


def test_saved_predictions_that_are_none(command, folder):
    assert 'predictions not found: none.json' in one_line(command('test', CONFIG, 'none.json'), 2)
    (folder / 'odd.json').write_text('[{"image_id": 1}]')
    assert 'odd.json' in one_line(command('test', CONFIG, 'odd.json'), 1)
    assert '--show-dir cannot be used with saved predictions' in one_line(
        command('test', CONFIG, 'odd.json', '--show-dir', 'painted'), 2)


def test_resuming(command, trained):  # the torch >= 2.6 repair at work
    process = command('train', CONFIG, '--resume', options=['train_cfg.max_iters=6', 'train_cfg.val_interval=100'])
    assert process.returncode == 0, process.stderr
    text = logged(trained)
    assert 'resumed epoch: 0, iter: 4' in text
    assert 'Iter(train) [6/6]' in text
    assert 'Iter(train) [2/6]' not in text


def one_line(process, code):
    """The error line; standard error may contain only it and warnings."""
    assert process.returncode == code, process.stderr
    assert 'Traceback' not in process.stderr + process.stdout
    last = process.stderr.splitlines()[-1]
    assert last.startswith('imbdet: error: ')
    return last


def test_missing_config(command):
    assert 'config not found: none.py' in one_line(command('train', 'none.py'), 2)


def test_broken_config(command, tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    assert 'broken.py' in one_line(command('train', tmp_path / 'broken.py'), 2)


def test_missing_annotations(command):
    options = ['train_dataloader.dataset.data_root=nowhere/']
    line = one_line(command('train', CONFIG, options=options), 2)
    assert 'nowhere/annotations/digits_longtail_train.json' in line


def test_error_while_the_run_is_built(command, folder):
    work_dir = folder / 'bad_threshold'
    options = ['train_dataloader.sampler.threshold=0', 'train_cfg.max_iters=4']
    line = one_line(command('train', CONFIG, '--work-dir', work_dir, options=options), 1)
    assert 'threshold must be above 0' in line
    assert 'traceback in' in line
    assert 'Traceback (most recent call last)' in logged(work_dir)
    verbose = command('train', CONFIG, '--work-dir', work_dir, '--verbose', options=options)
    assert verbose.returncode == 1
    assert 'Traceback' in verbose.stderr


def test_checkpoints_that_are_none(command, trained, folder):
    assert 'checkpoint not found: none.pth' in one_line(command('test', CONFIG, 'none.pth'), 2)
    half = folder / 'half.pth'
    whole = Path((trained / 'last_checkpoint').read_text()).read_bytes()
    half.write_bytes(whole[:len(whole) // 2])
    assert 'half.pth is not a complete checkpoint' in one_line(command('test', CONFIG, half), 2)
    with pytest.raises(Exception, match='.'):
        torch.load(half)
