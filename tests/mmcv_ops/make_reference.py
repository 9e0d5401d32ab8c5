"""Store the outputs of compiled mmcv for test_parity.py, in an environment that has it (``make test OPS=compiled``).

    .venv-compiled/bin/python -m tests.mmcv_ops.make_reference
"""

import sys
from pathlib import Path

import mmcv
import mmcv._ext
import numpy as np

import imbdet  # noqa: F401
from imbdet.files import atomic_write
from imbdet.mmcv_ops import is_compiled

from .cases import CASES, operations_of

REFERENCE = Path(__file__).parents[1] / 'stored/mmcv_ops.npz'


def main() -> None:
    """Write the file."""
    if not is_compiled(mmcv._ext.__spec__):
        sys.exit('this mmcv has no compiled operations to store the outputs of')
    with operations_of(mmcv._ext):
        outputs = {f'{case}/{name}': value for case, function in CASES.items() for name, value in function().items()}
    with atomic_write(REFERENCE) as path:
        np.savez_compressed(path, **outputs, mmcv=np.array(mmcv.__version__))
    print(f'wrote {len(outputs)} arrays of mmcv {mmcv.__version__} to {REFERENCE}')


if __name__ == '__main__':
    main()
