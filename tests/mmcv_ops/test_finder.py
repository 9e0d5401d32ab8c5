"""Where ``mmcv._ext`` comes from, in every order of imports. Operations that are not there are named at their call."""

import sysconfig
from pathlib import Path

import mmcv._ext
import pytest

from imbdet.mmcv_ops import is_compiled, ops_in_use

from .cases import OURS

COMPILED = is_compiled(mmcv._ext.__spec__)
ROOT = Path(__file__).parents[2]
STATE = 'import mmcv._ext; print(mmcv._ext.__spec__.origin == "imbdet.mmcv_ops")'


def test_mmdet_before_imbdet(run_python):
    """Without the path file, as where a checkout is put on the path."""
    paths = [ROOT, sysconfig.get_path('purelib')]
    process = run_python('-S', '-c', f'import mmdet.utils, imbdet; from mmcv.ops import RoIAlign; {STATE}', path=paths)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == str(not COMPILED)


def test_mmcv_ops_before_imbdet(run_python):
    """By the path file that is installed with imbdet, as where a config's base imports mmcv.ops."""
    process = run_python('-c', f'from mmcv.ops import RoIAlign; {STATE}; import imbdet, mmdet.apis\n'
                         'from mmdet.registry import HOOKS; print(HOOKS.get("GuidedLossHook"))')
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert (lines[0], lines[-1]) == (str(not COMPILED), "<class 'imbdet.sampling_free.guided_loss.GuidedLossHook'>")


def test_operations_in_use():
    said = ops_in_use()
    assert ('compiled (' in said) == COMPILED
    assert ('imbdet.mmcv_ops, with torchvision' in said) != COMPILED


def test_an_operation_that_is_not_there():
    with pytest.raises(NotImplementedError, match=r'operation tin_shift_forward needs a compiled mmcv.*MMCV_WITH_OPS=1'):
        OURS.tin_shift_forward(1)
    with pytest.raises(AttributeError, match='__wrapped__'):
        _ = OURS.__wrapped__
