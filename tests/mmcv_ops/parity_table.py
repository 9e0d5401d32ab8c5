"""Print the largest differences of imbdet.mmcv_ops from compiled mmcv, in an environment that has it.

    .venv-compiled/bin/python -m tests.mmcv_ops.parity_table
"""

import sys
from collections import defaultdict

import mmcv
import mmcv._ext
import numpy as np
import torch
import torchvision

import imbdet  # noqa: F401
from imbdet.mmcv_ops import is_compiled

from .cases import CASES, OURS, TIED, operations_of


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference over the largest value; infinite where integers or shapes differ."""
    if found.shape != expected.shape or (expected.dtype.kind == 'i' and (found != expected).any()):
        return np.inf
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if same.all():
        return 0.0
    return float(np.abs(found - expected)[~same].max() / np.nanmax(np.abs(expected)))


def main() -> None:
    """Run every case with both and print a table."""
    if not is_compiled(mmcv._ext.__spec__):
        sys.exit('this mmcv has no compiled operations to compare with')
    print(f'mmcv {mmcv.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}')
    numbers, worst = defaultdict(int), defaultdict(float)
    for name, case in {**CASES, **TIED}.items():
        with operations_of(OURS):
            found = case()
        with operations_of(mmcv._ext):
            expected = case()
        operation = name.split()[0]
        numbers[operation] += 1
        for key, value in expected.items():
            part = 'gradients' if key.startswith('gradient') else 'indices' if value.dtype.kind == 'i' else 'outputs'
            worst[operation, part] = max(worst[operation, part], difference(found[key], value))
    print('| operation | cases | outputs | gradients | indices |\n|---|---|---|---|---|')
    for operation, number in numbers.items():
        cells = [f'{worst[operation, part]:.1e}' if (operation, part) in worst else ''
                 for part in ('outputs', 'gradients', 'indices')]
        print(f'| {operation} | {number} | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
