"""The probe of a detector, end to end on tiny pairs, and its features against the backbone's own."""

import sys

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from imbdet.reports import probe_modality, probe_table
from imbdet.reports.methods.modality_probe import StageProbe, _datasets, _load_model, _stage_features

from ...mipa.paired_training import evaluated, model_config, training_config
from ...mipa.pairs_of_images import write_pairs

NUMBER = 8


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path, num_images=NUMBER)


def config_of(folder, stage=None, name='model.pth'):
    """A config whose test set has pairs, and a checkpoint of its model, untrained."""
    keys = evaluated(folder)
    cfg = training_config(folder, model_config('retinanet', 8, stage), test_dataloader=keys['val_dataloader'])
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / name)
    return cfg, folder / name


def test_a_backbone_that_sees_the_cameras(folder):
    """Red visible images and grey infrared ones."""
    for path in (folder / 'visible').iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path)) // 4 * np.array([1, 1, 4], np.uint8))
    results, number = probe_modality(*config_of(folder))
    assert number == NUMBER
    assert [(each.stage, each.channels) for each in results] == [(0, 8), (1, 16), (2, 32), (3, 64)]
    assert [each.image for each in results] == [1] * 4
    assert min(each.cell for each in results) > 0.9


def test_cameras_that_show_the_same(folder):
    """One of each two images is right."""
    for path in (folder / 'visible').iterdir():
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), np.dstack([gray] * 3))
        cv2.imwrite(str(folder / 'infrared' / path.name), gray)
    cfg, checkpoint = config_of(folder)
    for name in ('mean', 'std', 'ir_mean', 'ir_std'):
        cfg.model.data_preprocessor[name] = [100.0] * 3
    results, _ = probe_modality(cfg, checkpoint)
    assert [(each.image, each.cell) for each in results] == [(0.5, 0.5)] * 4


def test_features_are_those_of_the_image_without_padding(folder):
    """Of 72 x 96 pixels, which become 96 x 96: at stride 32, of three rows two are of the image alone."""
    cfg, checkpoint = config_of(folder)
    cfg.test_dataloader.dataset.datasets[0].pipeline[2].scale = (96, 72)
    cfg.test_dataloader.dataset.datasets[1].pipeline[2].scale = (96, 72)
    model = _load_model(cfg, checkpoint)
    for modality, dataset in zip(('rgb', 'ir'), _datasets(cfg), strict=True):
        assert dataset[0]['data_samples'].modality == modality
        features = _stage_features(model, dataset, 5, 0)
        data = dataset[3]
        data = model.data_preprocessor(dict(inputs=[data['inputs']], data_samples=[data['data_samples']]))
        height, width = data['data_samples'][0].img_shape
        assert data['inputs'].shape[2:] == (96, 96)
        with torch.no_grad():
            outputs = model.backbone(data['inputs'])
        for stride, output, (means, cells) in zip((4, 8, 16, 32), outputs, features, strict=True):
            inside = [output[0, :, y, x] for y in range(output.shape[2]) for x in range(output.shape[3])
                      if (y + 1) * stride <= height and (x + 1) * stride <= width]
            assert means.shape == (NUMBER, 1, output.shape[1])
            assert means[3, 0] == pytest.approx(torch.stack(inside).mean(0).numpy(), rel=1e-5, abs=1e-6)
            assert cells.shape == (NUMBER, 5, output.shape[1])
            for cell in cells[3]:
                assert min(np.abs(each.numpy() - cell).max() for each in inside) < 1e-6


def test_wrapped_and_plain_detectors(folder):
    """The same weights give the same result, in a ModalityAgnosticDetector too; the head is not probed."""
    cfg, checkpoint = config_of(folder)
    wrapped, other = config_of(folder, 1, 'wrapped.pth')
    model = MODELS.build(wrapped.model)
    model.detector.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    torch.save(dict(state_dict=model.state_dict()), other)
    assert probe_modality(wrapped, other) == probe_modality(cfg, checkpoint)


def test_arguments(folder):
    cfg, checkpoint = config_of(folder)
    results, number = probe_modality(cfg, checkpoint, number=4, stages=[2, 0], cells=1)
    assert [each.stage for each in results] == [2, 0]
    assert number == 4
    again, _ = probe_modality(cfg, checkpoint, number=4, stages=[2, 0], cells=1)
    assert again == results
    with pytest.raises(ValueError, match=r'stages must be in 0 to 3, the outputs of the backbone; got \[4\]'):
        probe_modality(cfg, checkpoint, number=4, stages=[4])
    with pytest.raises(ValueError, match='number and cells must be at least 1, got 0 and 16'):
        probe_modality(cfg, checkpoint, number=0)
    other = Config(cfg.to_dict())
    other.model.bbox_head.num_classes = 7
    with pytest.raises(ValueError, match='model.pth is not a checkpoint of the model of .*size mismatch for bbox_head'):
        probe_modality(other, checkpoint)
    cfg.pop('test_dataloader')
    with pytest.raises(ValueError, match='the probe needs a PairedCocoDataset in test_dataloader'):
        probe_modality(cfg, checkpoint)


def test_table():
    text = probe_table([StageProbe(0, 192, 0.9912, 0.7), StageProbe(1, 384, 0.5, 0.512)], 101)
    assert text == (
        'Balanced accuracy of linear probes for the modality, trained on 50 pairs and tested on 51 others.\n'
        'Chance is 0.5, and for images within 0.137 of it in 95 of 100 cases.\n'
        'stage channels  image   cell\n    0      192  0.991  0.700\n    1      384  0.500  0.512')


def test_tool(folder, load_tool, monkeypatch, capsys):
    cfg, checkpoint = config_of(folder)
    cfg.dump(folder / 'pairs.py')
    tool = load_tool('tools/analysis/modality_probe.py')
    monkeypatch.setattr(sys, 'argv', ['modality_probe.py', str(folder / 'pairs.py'), str(checkpoint), '--stages', '1', '3',
                                      '--number', '6'])
    tool.main()
    lines = capsys.readouterr().out.splitlines()
    results, number = probe_modality(cfg, checkpoint, 6, [1, 3])
    assert lines[-4:] == probe_table(results, number).splitlines()[-4:]
    monkeypatch.setattr(sys, 'argv', ['modality_probe.py', str(folder / 'pairs.py'), str(folder / 'none.pth')])
    with pytest.raises(SystemExit):
        tool.main()
    assert 'checkpoint not found: ' in capsys.readouterr().err
