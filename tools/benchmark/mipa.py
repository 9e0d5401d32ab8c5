"""Time the mixing of patches against a plain copy of the batch of six channels, in turn.

    python tools/benchmark/mipa.py [--pairs 100] [--patch-size 4]

On a GPU where there is one. The choice of the patches counts, too.
"""

import argparse

import numpy as np
import torch
from paired_steps import WARM_UP, seconds
from tqdm import tqdm

from imbdet.mipa import mix_patches

SHAPE = (8, 6, 640, 512)


def main() -> None:
    """Time both and print medians and the ratio of pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=100, help='measurements of each (default: %(default)s)')
    parser.add_argument('--patch-size', type=int, default=4, help='side of a patch in pixels (default: %(default)s)')
    arguments = parser.parse_args()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    batch = torch.randn(SHAPE, device=device)
    rgb, ir = batch.split(3, dim=1)
    generator = torch.Generator(device).manual_seed(0)
    times = [(seconds(batch.clone), seconds(mix_patches, rgb, ir, 0.5, arguments.patch_size, generator))
             for _ in tqdm(range(arguments.pairs + WARM_UP), disable=None, unit='pair')]
    copied, mixed = np.array(times[WARM_UP:]).T
    low, median, high = np.percentile(mixed / copied, [25, 50, 75])
    print(f'{" x ".join(map(str, SHAPE))} on {device}, patches of {arguments.patch_size}: copy '
          f'{1000 * np.median(copied):.1f} ms, mixing {1000 * np.median(mixed):.1f} ms; median ratio {median:.3f}, '
          f'quartiles {low:.3f} and {high:.3f}, {arguments.pairs} pairs (at most 0.5 is wanted)')


if __name__ == '__main__':
    main()
