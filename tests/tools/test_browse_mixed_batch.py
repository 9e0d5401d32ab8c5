"""The picture of a mixed batch shows both cameras and what was made of them."""

import sys

import cv2
import numpy as np
import pytest

from ..mipa.paired_training import model_config, training_config
from ..mipa.pairs_of_images import paired_dataset, write_pairs


@pytest.fixture
def browse(load_tool, monkeypatch, tmp_path):
    """A function that runs the tool on pairs of a red and a white image, and returns the picture."""
    folder = write_pairs(tmp_path, num_images=3)
    for path in (folder / 'visible').iterdir():
        cv2.imwrite(str(path), np.full((96, 128, 3), (0, 0, 255), np.uint8))
    for path in (folder / 'infrared').iterdir():
        cv2.imwrite(str(path), np.full((96, 128), 220, np.uint8))
    tool = load_tool('tools/analysis/browse_mixed_batch.py')

    def run(stage=None, modality='pair', **preprocessor):
        config = training_config(folder, model_config('retinanet', 16, stage, preprocessor),
                                 datasets=[paired_dataset(folder, modality=modality)])
        config.dump(tmp_path / 'pairs.py')
        monkeypatch.setattr(sys, 'argv', ['browse_mixed_batch.py', str(tmp_path / 'pairs.py'), '--number', '2', '--out',
                                          str(tmp_path / 'out.png')])
        tool.main()
        return cv2.imread(str(tmp_path / 'out.png'))

    return run


def share(picture, color):
    return (np.abs(picture.astype(int) - color).max(2) < 30).mean()


@pytest.mark.parametrize('stage', [None, 1])
def test_colors_of_both_cameras(browse, stage):
    """Of three equal panels one is red, one grey, and the third as much of each as the ratio says."""
    red, grey = (0, 0, 255), (220, 220, 220)
    shares = {}
    for ratio in (0.0, 0.75, 1.0):
        picture = browse(stage, ir_ratio=ratio)
        shares[ratio] = share(picture, red), share(picture, grey)
    assert shares[0.0][0] == pytest.approx(2 * shares[0.0][1], rel=0.1)
    assert shares[1.0][1] == pytest.approx(2 * shares[1.0][0], rel=0.1)
    assert shares[0.75][0] / shares[1.0][0] == pytest.approx(1.25, abs=0.1)


def test_errors(browse, capsys):
    with pytest.raises(SystemExit):
        browse(modality='rgb')
    assert "has 3 channels and is not a pair; set modality='pair' in the training data set" in capsys.readouterr().err
