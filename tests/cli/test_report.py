"""The command, with and without a config."""

import json

import pytest
from mmengine.config import Config

from imbdet.cli import main

from ..tiny_detectors import tiny_detector
from ..tiny_training import training_config, write_training_set


@pytest.fixture
def report(monkeypatch, tmp_path, capsys):
    """A function that runs the command and returns what it printed, on both streams, and the JSON."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, out='work_dirs/imbalance_report/train'):
        main(['report', *map(str, arguments)])
        return *capsys.readouterr(), json.loads((tmp_path / out / 'report.json').read_text())

    return run


@pytest.fixture
def config(tmp_path):
    """A tiny training config in a file, and the folder of its data."""
    write_training_set(tmp_path)
    training_config(tmp_path, tiny_detector('retinanet')).dump(tmp_path / 'tiny.py')
    return tmp_path / 'tiny.py'


def test_file_alone(annotation_file, report, tmp_path):
    path = annotation_file([*[(image, 1) for image in range(1, 31)], (1, 2)], num_images=30)
    out, err, numbers = report(path)
    assert 'Resample with RFS' in out
    assert 'wrote work_dirs/imbalance_report/train/index.html' in out
    assert err == ''
    assert numbers['target_length'] == 1.15
    _, _, numbers = report(path, '--target-length', 1.05, '--rare-max', 0, '--common-max', 1, '--out', 'mine', out='mine')
    assert numbers['target_length'] == 1.05
    assert [row['group'] for row in numbers['classes']] == ['f', 'c', 'r']


def test_config_that_trains_on_the_file(config, report, tmp_path):
    out, err, numbers = report(tmp_path / 'train.json', '--config', config)
    assert 'tiny.py trains on this file' in out
    assert 'warning' not in err
    record = numbers['foreground_priors']['bbox_head']
    assert record['prior'] == record['num_foreground'] / (record['num_anchors'] * 3)
    assert f'{record["prior"]:.3g}' in out
    cfg = Config.fromfile(tmp_path / 'work_dirs/imbalance_report/train/suggestion.py')
    assert cfg.model.type == 'RetinaNet'
    assert cfg.custom_hooks[0].prior == {'bbox_head': float(f'{record["prior"]:.3g}')}


def test_config_that_trains_on_another_file(annotation_file, config, report, tmp_path):
    path = annotation_file([(1, 1)] * 3, name='other.json')
    out, err, numbers = report(path, '--config', config, '--out', 'out', out='out')
    assert f'trains on {tmp_path / "train.json"}, not on {path}.' in ' '.join(out.split())
    assert 'imbdet: warning: Note:' in err
    assert numbers['num_boxes'] == 3
    assert numbers['foreground_priors']['bbox_head']['num_foreground'] > 3


def test_config_whose_classes_are_not_the_files(config, report, tmp_path):
    content = json.loads((tmp_path / 'train.json').read_text())
    content['categories'][1]['name'] = 'renamed'
    (tmp_path / 'train.json').write_text(json.dumps(content))
    out, _, numbers = report(tmp_path / 'train.json', '--config', config)
    assert [fault['kind'] for fault in numbers['faults']] == ['classes that are not in the file']
    assert numbers['num_boxes'] == len(content['annotations'])
    assert len(numbers['classes']) == 3
    assert 'Not measured: the config cannot be trained on the file as it is' in out


def test_errors(config, report, tmp_path, capsys):
    for arguments, message in (
        ((tmp_path / 'none.json', ), 'FileNotFoundError: annotation file not found'),
        ((config, ), 'AnnotationError'),
        ((tmp_path / 'train.json', '--target-length', 0.5), 'target length must be at least 1 (the number of images), got 0.5'),
        ((tmp_path / 'train.json', '--config', tmp_path / 'none.py'), 'config not found'),
        ((tmp_path / 'train.json', '--rare-max', 200), '0 <= rare_max <= common_max is needed, got 200 and 100'),
    ):
        with pytest.raises(SystemExit):
            report(*arguments)
        assert message in capsys.readouterr().err
    assert not (tmp_path / 'work_dirs').exists()
