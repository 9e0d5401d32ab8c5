"""The detector inside a ModalityAgnosticDetector, taken out, detects the same."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from imbdet.cli import main

from ..mipa.paired_training import make_runner, model_config
from ..mipa.pairs_of_images import write_pairs


@pytest.fixture
def trained(tmp_path):
    """Config and checkpoint of two epochs, and the trained model."""
    folder = write_pairs(tmp_path, num_images=2)
    runner = make_runner(folder, model_config('retinanet', 8, 1, dict(ir_ratio='learnable')))
    runner.train()
    config = tmp_path / 'trained.py'
    runner.cfg.dump(config)
    return config, folder / 'work/epoch_2.pth', runner.model


@pytest.fixture
def export():
    """A function that runs the command in this process."""

    def run(*arguments):
        main(['export', *map(str, arguments)])

    return run


def predictions(model):
    model.eval()
    torch.manual_seed(0)
    inputs = [torch.randint(0, 256, (3, 96, 128), dtype=torch.uint8)]
    from mmdet.structures import DetDataSample
    sample = DetDataSample(metainfo=dict(img_path='a.png', modality='ir', img_shape=(96, 128), ori_shape=(96, 128),
                                         scale_factor=(1.0, 1.0)))
    model_cfg = getattr(model, 'detector', model)
    model_cfg.bbox_head.test_cfg.score_thr = 0.0
    with torch.no_grad():
        return model.test_step(dict(inputs=inputs, data_samples=[sample]))[0].pred_instances


def test_the_same_predictions(trained, export, tmp_path, capsys):
    config, checkpoint, model = trained
    export(config, checkpoint, '--out', tmp_path / 'plain')
    assert 'wrote' in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / 'plain').iterdir()) == ['epoch_2.pth', 'trained.py']
    cfg = Config.fromfile(tmp_path / 'plain/trained.py')
    assert cfg.model.type == 'RetinaNet'
    plain = MODELS.build(cfg.model)
    saved = torch.load(tmp_path / 'plain/epoch_2.pth', weights_only=True)
    assert set(saved) == {'meta', 'state_dict'}
    assert saved['meta']['dataset_meta']['classes'] == ('a', 'b', 'c')
    assert 'ModalityAgnosticDetector' not in saved['meta']['cfg']
    plain.load_state_dict(saved['state_dict'])  # strictly
    ours, theirs = predictions(plain), predictions(model)
    assert len(ours) == 100
    for key in ('bboxes', 'scores', 'labels'):
        assert torch.equal(ours[key], theirs[key])


def error(export, capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        export(*arguments)
    assert end.value.code == 1
    return capsys.readouterr().err.splitlines()[-1]


def test_errors(trained, export, tmp_path, capsys):
    config, checkpoint, _ = trained
    out = tmp_path / 'plain'
    assert 'checkpoint not found' in error(export, capsys, config, tmp_path / 'none.pth', '--out', out)
    torch.save(dict(state_dict={'backbone.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    assert "other.pth has no weights that begin with 'detector.'" in error(
        export, capsys, config, tmp_path / 'other.pth', '--out', out)
    (tmp_path / 'other.py').write_text("model = dict(type='RetinaNet')")
    assert 'other.py: the model must be a ModalityAgnosticDetector, got RetinaNet' in error(
        export, capsys, tmp_path / 'other.py', checkpoint, '--out', out)
    assert not out.exists()
    before = checkpoint.read_bytes()
    assert 'choose another folder with --out' in error(export, capsys, config, checkpoint, '--out', checkpoint.parent)
    assert checkpoint.read_bytes() == before
