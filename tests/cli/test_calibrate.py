"""From a checkpoint to a calibrated one, and back, by the command."""

import json

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from imbdet.calibration import LogitStatistics, norcal_shift, read_statistics
from imbdet.cli import main

from ..tiny_detectors import tiny_detector
from ..tiny_training import CLASSES, make_runner, training_config, write_training_set

BIAS = 'bbox_head.retina_cls.bias'


@pytest.fixture
def trained(tmp_path):
    """Config and checkpoint of a RetinaNet; class a is in 2 images, class b in 6, class c in 7."""
    return train(tmp_path, 'retinanet')


def train(folder, name, **changes):
    write_training_set(folder)
    runner = make_runner(folder, tiny_detector(name, **changes))
    runner.train()
    config = folder / 'config.py'
    runner.cfg.dump(config)
    return config, folder / 'work/iter_2.pth'


def calibrate(*arguments):
    main(['calibrate', *map(str, arguments)])


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit):
        calibrate(*arguments)
    return capsys.readouterr().err


def load(path):
    return torch.load(path, weights_only=True)


def counts(folder):
    """Images of each class, counted from the file."""
    annotations = json.loads((folder / 'train.json').read_text())['annotations']
    return [len({box['image_id'] for box in annotations if box['category_id'] == label}) for label in range(3)]


def test_the_bias_is_shifted(trained, tmp_path, capsys):
    config, checkpoint = trained
    calibrate(config, checkpoint, '--method', 'norcal', '--tau', 0.5, '--out', tmp_path / 'new.pth')
    before, after = load(checkpoint)['state_dict'], load(tmp_path / 'new.pth')['state_dict']
    expected = np.tile(norcal_shift(counts(tmp_path), 0.5), 9)
    assert np.allclose(after[BIAS] - before[BIAS], expected, atol=1e-6)
    assert all(torch.equal(value, after[name]) for name, value in before.items() if name != BIAS)
    said = capsys.readouterr().out
    assert 'norcal: tau 0.5, counts of images; on bbox_head.retina_cls' in said
    assert 'To expect: each class has a sigmoid of its own' in said
    assert 'loading annotations' not in said
    statistics = read_statistics(tmp_path / 'new.json', CLASSES)
    assert statistics.images == counts(tmp_path)


def test_imbdet_test_takes_it_and_refuses_a_second_shift(trained, tmp_path, capsys):
    config, checkpoint = trained
    new = tmp_path / 'new.pth'
    calibrate(config, checkpoint, '--method', 'logit-adjustment', '--out', new)
    assert 'is calibrated already' in error_of(capsys, config, new, '--method', 'norcal', '--out', tmp_path / 'second.pth')
    assert 'is calibrated already' in error_of(capsys, config, new, '--method', 'norcal', '--out', tmp_path / 'second.pth',
                                               '--statistics', tmp_path / 'new.json')
    assert not (tmp_path / 'second.pth').exists()
    calibrate(config, new, '--undo', '--out', tmp_path / 'old.pth')
    before, after = load(checkpoint)['state_dict'], load(tmp_path / 'old.pth')['state_dict']
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert 'holds no calibration' in error_of(capsys, config, tmp_path / 'old.pth', '--undo', '--out', tmp_path / 'x.pth')
    runner = make_runner(tmp_path, tiny_detector('retinanet'), [dict(type='LogitShiftHook', method='norcal')],
                         work_dir=str(tmp_path / 'again'), load_from=str(new))
    with pytest.raises(ValueError, match=r'LogitShiftHook: the checkpoint is calibrated already \(logit-adjustment'):
        runner.train()


def test_logn_sees_every_training_image_once(tmp_path, capsys):
    """Against the logits that the trained detector gives for each image, one by one."""
    config, checkpoint = train(tmp_path, 'retinanet')
    cfg = Config.fromfile(config)
    cfg.train_dataloader.dataset.pipeline[3].prob = 0.0  # no flips
    cfg.dump(config)
    calibrate(config, checkpoint, '--method', 'logn', '--out', tmp_path / 'new.pth')
    assert 'bbox_head.retina_cls gives logits of sigmoids; LogN is a method for a softmax' in capsys.readouterr().err
    detector = MODELS.build(cfg.model)
    detector.load_state_dict(load(checkpoint)['state_dict'])
    seen = []
    detector.bbox_head.retina_cls.register_forward_hook(
        lambda layer, inputs, output: seen.append(output.permute(0, 2, 3, 1).reshape(-1, 3)))
    detector.eval()
    runner = make_runner(tmp_path, tiny_detector('retinanet'), flip=0.0)
    with torch.no_grad():
        for item in runner.train_dataloader.dataset:
            batch = detector.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]), False)
            detector.bbox_head(detector.extract_feat(batch['inputs']))
    expected = LogitStatistics.of(torch.cat(seen))
    found = read_statistics(tmp_path / 'new.json').logits['bbox_head.retina_cls'].tensors()
    assert int(found.rows) == int(expected.rows)
    assert torch.allclose(found.mean, expected.mean, rtol=1e-5)
    assert torch.allclose(found.variance, expected.variance, rtol=1e-4)
    calibrate(config, checkpoint, '--method', 'logn', '--out', tmp_path / 'again.pth', '--statistics', tmp_path / 'new.json')
    first, second = (load(tmp_path / name)['state_dict'] for name in ('new.pth', 'again.pth'))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_losses_with_a_prior_are_warned_of(tmp_path, capsys):
    seesaw = dict(_delete_=True, type='SeesawLoss', num_classes=3)
    config, checkpoint = train(tmp_path, 'faster-rcnn', roi_head=dict(bbox_head=dict(loss_cls=seesaw)))
    calibrate(config, checkpoint, '--method', 'fracal', '--out', tmp_path / 'new.pth')
    said = capsys.readouterr()
    assert 'imbdet: warning: roi_head.bbox_head.loss_cls is SeesawLoss, which corrects for frequent classes' in said.err
    assert 'compete in a softmax, but not for places' in said.out


@pytest.mark.parametrize(('arguments', 'message'), [
    ([], '--method is required'),
    (['--method', 'norcal', '--lam', 1], 'lam is a setting of fracal, not of norcal'),
    (['--method', 'norcal', '--tau', -1], 'tau must be at least 0 and finite, got -1'),
    (['--undo', '--tau', 1], '--tau cannot be used with --undo'),
    (['--undo', '--method', 'norcal'], '--method cannot be used with --undo'),
    (['--undo', '--statistics', 'a.json'], '--statistics cannot be used with --undo'),
    (['--method', 'norcal', '--statistics', 'none.json'], 'none.json: no such file of class statistics'),
    (['--method', 'fracal'], 'FRACAL with sigmoids multiplies two probabilities'),
    (['--method', 'norcal', '--cfg-options', 'model.bbox_head.num_classes=4'], 'has 4 classes, the statistics have 3'),
    (['--method', 'norcal', '--cfg-options', 'model.backbone.depth'], '--cfg-options must be key=value pairs'),
    (['--method', 'norcal', '--cfg-options', 'train_dataloader=None', 'train_cfg=None', 'optim_wrapper=None'],
     'the config has no train_dataloader, whose classes are to be counted; give --statistics'),
    (['--method', 'norcal', '--cfg-options', 'model.bbox_head.anchor_generator.ratios=[1.0]'],
     'bbox_head.retina_cls has 27 outputs in the checkpoint and 9 in the config')
])
def test_what_cannot_be_is_named(trained, arguments, message, tmp_path, capsys):
    config, checkpoint = trained
    assert message in error_of(capsys, config, checkpoint, '--out', tmp_path / 'new.pth', *arguments)
    assert not (tmp_path / 'new.pth').exists()


def test_files_are_checked(trained, tmp_path, capsys):
    config, checkpoint = trained
    method = '--method', 'norcal'
    assert '--out must end in .pth' in error_of(capsys, config, checkpoint, *method, '--out', tmp_path / 'new.json')
    assert '--out must be another file' in error_of(capsys, config, checkpoint, *method, '--out', checkpoint)
    assert 'checkpoint not found' in error_of(capsys, config, tmp_path / 'no.pth', *method, '--out', tmp_path / 'new.pth')
    assert 'config not found' in error_of(capsys, tmp_path / 'no.py', checkpoint, *method, '--out', tmp_path / 'new.pth')
    cut = tmp_path / 'cut.pth'
    cut.write_bytes(checkpoint.read_bytes()[:5000])
    assert 'cut.pth' in error_of(capsys, config, cut, *method, '--out', tmp_path / 'new.pth')
    other = tmp_path / 'other'
    other.mkdir()
    training_config(other, tiny_detector('faster-rcnn')).dump(other / 'config.py')
    assert 'no roi_head.bbox_head.fc_cls.weight; it is of another detector' in error_of(
        capsys, other / 'config.py', checkpoint, *method, '--out', tmp_path / 'new.pth', '--statistics',
        write_and_get_statistics(config, checkpoint, tmp_path))


def write_and_get_statistics(config, checkpoint, folder):
    calibrate(config, checkpoint, '--method', 'norcal', '--out', folder / 'known.pth')
    return folder / 'known.json'
