"""The main job from nothing, as ``make quickstart`` runs it after the set-up."""

import re

import cv2
import pytest


@pytest.mark.slow
def test_quickstart(run_python, tmp_path):
    process = run_python('-m', 'imbdet', 'quickstart', cwd=tmp_path, timeout=3600)
    assert process.returncode == 0, process.stderr[-3000:]
    results = {name: float(value) for name, value in re.findall(r'\b(AP[rcf]?) (\d\.\d+)', process.stdout.split('\n\n')[-1])}
    assert results.keys() == {'AP', 'APr', 'APc', 'APf'}
    assert results['AP'] > 0.15
    assert results['APr'] > 0.05
    for name in ('detections.png', 'class_ap.png'):
        assert cv2.imread(str(tmp_path / 'work_dirs/quickstart' / name)).std() > 10
    again = run_python('-m', 'imbdet', 'quickstart', cwd=tmp_path, timeout=120)  # skips what is done
    assert again.returncode == 0, again.stderr[-3000:]
    assert again.stdout.split('AP ')[-1].split('\n')[0] == process.stdout.split('AP ')[-1].split('\n')[0]
    assert 'exists, not training again' in again.stdout
