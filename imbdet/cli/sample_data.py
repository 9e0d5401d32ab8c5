"""Creation of the sample data set with a progress bar, for ``imbdet quickstart`` and tools/data/make_digits_longtail.py."""

import sys
from pathlib import Path


def make_sample_data(folder: str | Path, seed: int = 0) -> None:
    """Write the long-tailed digits, unless they exist already.

    Args:
        folder: Folder to write to.
        seed: Random seed.
    """
    from tqdm import tqdm

    from imbdet.sample_data import is_complete, make_digits_longtail

    if is_complete(folder, seed):
        print(f'{folder} exists already, with seed {seed}')
        return
    with tqdm(unit='image', disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        make_digits_longtail(folder, seed, show)
    print(f'wrote {folder}: 600 training and 200 validation images, visible and infrared')
