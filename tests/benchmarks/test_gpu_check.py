"""benchmarks/gpu_check.py where there is no GPU, and its rehearsal."""

from pathlib import Path

import pytest
import torch

from ..forked_python import fork_python

TOOL = Path(__file__).parents[2] / 'benchmarks/gpu_check.py'


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without a CUDA GPU')
def test_without_a_gpu_it_says_so(tmp_path):
    process = fork_python(TOOL, cwd=tmp_path)
    assert process.returncode == 2
    assert 'NO GPU' in process.stdout
    assert 'Nothing was checked' in process.stdout


@pytest.mark.slow
def test_rehearsal(run_python, tmp_path):
    process = run_python(TOOL, '--rehearse', '--iterations', '2', '--steps', '1', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'a rehearsal on the CPU, which says nothing of a GPU' in process.stdout
    for part in ('MiPa: mixed patches', 'retinanet_r18_equity: gradients', 'retinanet_r18_combined_1200i_digits-pairs',
                 'DatasetEquityHook'):
        assert part in process.stdout
    assert '0 failed' in process.stdout
