"""imbdet.mmcv_ops against compiled mmcv: stored outputs everywhere, mmcv itself where it has compiled operations."""

import mmcv._ext
import numpy as np
import pytest

from imbdet.mmcv_ops import is_compiled

from .cases import CASES, OURS, TIED, operations_of
from .make_reference import REFERENCE

COMPILED = is_compiled(mmcv._ext.__spec__)
LIVE = [*CASES, *TIED] if COMPILED else [pytest.param('', marks=pytest.mark.skip('needs an mmcv with compiled operations'))]


@pytest.fixture(scope='module')
def stored():
    with np.load(REFERENCE, allow_pickle=False) as file:
        return dict(file)


def compare(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        if value.dtype.kind == 'i':
            assert (found[name] == value).all(), name
        else:
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(value), initial=1),
                                       err_msg=name)


@pytest.mark.parametrize('case', CASES)
def test_stored_outputs(case, stored):
    with operations_of(OURS):
        found = CASES[case]()
    compare(found, {name: stored[f'{case}/{name}'] for name in found})


@pytest.mark.parametrize('case', LIVE)
def test_compiled_mmcv(case):
    function = {**CASES, **TIED}[case]
    with operations_of(OURS):
        found = function()
    with operations_of(mmcv._ext):
        compare(found, function())


def test_every_stored_output_is_compared(stored):
    assert {name.partition('/')[0] for name in stored} - {'mmcv'} == set(CASES)
