"""The set-up scripts: the interpreter, and mmcv's wheel in its cache. The build itself is what `make` does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.cpp_extension import CUDA_HOME

SETUP = Path(__file__).parents[2] / 'tools/setup'


def run(*command, **environment):
    return subprocess.run([str(part) for part in command], env={**os.environ, **environment}, capture_output=True,
                          text=True, timeout=120)


def test_interpreter():
    found = run(SETUP / 'find_python.sh', PYTHON=sys.executable)
    assert found.stdout.strip() == sys.executable
    missing = run(SETUP / 'find_python.sh', PYTHON='/none/python3')
    assert missing.returncode == 2
    assert 'no Python 3.10 to 3.13' in missing.stderr


@pytest.fixture
def cache(tmp_path):
    """Where the wheels for this torch and Python belong."""
    ops = 'cpu'
    if torch.cuda.is_available() and CUDA_HOME:
        capabilities = sorted({torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count())})
        ops = f'cuda{torch.version.cuda}-sm' + '-'.join(f'{major}.{minor}' for major, minor in capabilities)
    return tmp_path / f'imbdet/wheels/torch{torch.__version__}-{ops}-{sys.implementation.cache_tag}'


@pytest.mark.parametrize(('requirement', 'wheel'), [('mmcv==2.1.0', 'mmcv-2.1.0-cp311.whl'),
                                                    ('onedl-mmcv==2.3.6', 'onedl_mmcv-2.3.6-cp311.whl')])
def test_cached_wheel_is_used(cache, tmp_path, requirement, wheel):
    cache.mkdir(parents=True)
    (cache / 'mmcv-2.1.0-cp311.whl').touch()
    (cache / 'onedl_mmcv-2.3.6-cp311.whl').touch()
    result = run(sys.executable, SETUP / 'mmcv_wheel.py', requirement, XDG_CACHE_HOME=str(tmp_path))
    assert result.stdout.strip() == str(cache / wheel)


def test_wheel_of_another_torch_is_not(cache, tmp_path):
    other = cache.with_name(cache.name.replace('torch', 'torch0.'))
    other.mkdir(parents=True)
    (other / 'mmcv-2.1.0-cp311.whl').touch()
    result = run(sys.executable, SETUP / 'mmcv_wheel.py', 'mmcv==2.1.0', XDG_CACHE_HOME=str(tmp_path), CXX='no-compiler')
    assert result.returncode == 1
    assert result.stdout == ''
    assert 'no C++ compiler (no-compiler)' in result.stderr.splitlines()[-1]
