"""The shell scripts that start several processes."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_launch_scripts(script, tmp_path):
    """Their own part: flags reach the tool, and too few arguments end in the usage."""
    for name in ('torchrun', 'srun'):
        (tmp_path / name).write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
        (tmp_path / name).chmod(0o755)
    environment = {'PATH': f'{tmp_path}:/usr/bin:/bin', 'MASTER_ADDR': '10.0.0.1'}
    arguments = {'dist_train.sh': ['c.py', '8'], 'dist_test.sh': ['c.py', 'a.pth', '8'],
                 'slurm_train.sh': ['gpus', 'job', 'c.py', 'work']}[script]
    run = subprocess.run([ROOT / 'tools' / script, *arguments, '--amp', '--cfg-options', 'a=1 2'], env=environment,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert f'{"test" if "test" in script else "train"}.py c.py' in run.stdout
    assert '--amp --cfg-options a=1 2' in run.stdout
    assert ('--launcher=slurm' if 'slurm' in script else '--launcher pytorch') in run.stdout
    usage = subprocess.run([ROOT / 'tools' / script, 'c.py'], env=environment, capture_output=True, text=True)
    assert usage.returncode == 2
    assert 'usage:' in usage.stderr
