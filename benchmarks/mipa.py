"""Time the mixing of patches against a plain copy of the batch of six channels, in turn.

    python benchmarks/mipa.py [--pairs 100] [--patch-size 4]

On a GPU where there is one. The choice of the patches counts, too.
"""

import argparse

import numpy as np
import torch
from paired_steps import WARM_UP, seconds
from table import Row, print_table, ratio_row
from tqdm import tqdm

from imbdet.mipa import mix_patches

SHAPE = (8, 6, 640, 512)


def mixing_row(pairs: int, patch_size: int) -> Row:
    """Time the mixing of patches and a copy of the batch.

    Args:
        pairs: Measurements of each.
        patch_size: Side of a patch in pixels.

    Returns:
        The row of the table.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    batch = torch.randn(SHAPE, device=device)
    rgb, ir = batch.split(3, dim=1)
    generator = torch.Generator(device).manual_seed(0)
    times = [(seconds(batch.clone), seconds(mix_patches, rgb, ir, 0.5, patch_size, generator))
             for _ in tqdm(range(pairs + WARM_UP), disable=None, unit='pair')]
    what = f'{" x ".join(map(str, SHAPE))} on {device}, patches of {patch_size}: mixed against copied'
    return ratio_row('mixing', what, np.array(times[WARM_UP:]), 0.5)


def main() -> None:
    """Time both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=100, help='measurements of each (default: %(default)s)')
    parser.add_argument('--patch-size', type=int, default=4, help='side of a patch in pixels (default: %(default)s)')
    arguments = parser.parse_args()
    print_table([mixing_row(arguments.pairs, arguments.patch_size)])


if __name__ == '__main__':
    main()
