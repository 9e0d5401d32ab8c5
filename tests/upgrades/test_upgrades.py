"""Configs, checkpoints and files of earlier releases load, and give what they gave then (see make.py)."""

import json
from pathlib import Path

import pytest
import torch

from imbdet.dataset_equity.likelihood_file import read_likelihoods
from imbdet.sampling_free import OptimalBiasInitHook

from .results import results

RELEASES = sorted(path for path in Path(__file__).parent.glob('[0-9]*') if path.is_dir())
KEPT = {release: json.loads((release / 'expected.json').read_text()) for release in RELEASES}


def assert_equal(found, expected, where=''):
    """Compare nested lists and dicts, numbers to 1e-5 of them; a later release may add entries to the log."""
    if isinstance(expected, dict):
        assert found.keys() >= expected.keys(), where
        for key, value in expected.items():
            assert_equal(found[key], value, f'{where}.{key}')
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, value in enumerate(expected):
            assert_equal(found[index], value, f'{where}.{index}')
    else:
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-8), where


def test_every_method_is_kept():
    assert len(RELEASES) >= 1
    for release in RELEASES:
        assert {'irfs', 'sampling_free', 'dataset_equity', 'mipa', 'all_four'} <= set(KEPT[release])


@pytest.mark.parametrize(('release', 'method'), [
    pytest.param(release, method, id=f'{release.name}-{method}') for release in RELEASES for method in KEPT[release]])
def test_a_training_goes_on(release, method, tmp_path):
    """The order of images, losses with the state of hooks in them, and detections."""
    expected = KEPT[release][method]
    assert_equal(results(release, method, tmp_path / method), expected)
    assert len(expected['detections']['scores']) == 5
    assert len(expected['logged']) == len(expected['order']) >= 2
    assert ('guided_weight_cls' in expected['logged'][0]) == (method in ('sampling_free', 'all_four'))
    assert ('equity_weight_mean' in expected['logged'][0]) == (method in ('dataset_equity', 'all_four'))
    assert ('ir_ratio' in expected['logged'][0]) == (method in ('mipa', 'all_four'))


@pytest.mark.parametrize('release', RELEASES, ids=lambda release: release.name)
def test_files(release):
    prior = OptimalBiasInitHook(prior=str(release / 'foreground_prior.json')).prior
    assert list(prior) == ['detector.bbox_head']
    assert 0 < prior['detector.bbox_head'] < 0.1
    content = read_likelihoods(release / 'equity.npz')
    assert content.likelihoods.tolist() == [0.0, 0.3, 0.6, 1.0]
    assert content.paths.tolist() == [f'visible/{index}.png' for index in range(4)]
    averages = torch.load(release / 'all_four.pth', weights_only=True)['guided_loss']
    assert averages['loss_cls'].tolist()[1] >= 2  # batches that went into it
