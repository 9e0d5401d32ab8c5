"""Compare the splits of ``imbdet split`` with those of other methods, over seeds.

    pip install iterative-stratification
    python benchmarks/split.py ANN [ANN ...] [--group-by RULE] [--seeds 10]

All methods put a fifth of the images into validation. iterative-stratification knows neither groups nor boxes; its row is left
out with groups, and where it is not installed. StratifiedGroupKFold of scikit-learn takes one label for each image, here its
rarest class.
"""

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from imbdet.annotations import load_annotations, to_arrays
from imbdet.annotations.content import read_content
from imbdet.annotations.splitting import box_counts, group_names, join_groups, random_parts, split_images
from imbdet.reports.dataset.split_numbers import SplitOptions, count_parts
from imbdet.reports.dataset.split_tables import summarize

SHARES = [0.8, 0.2]
Method = Callable[[csr_array, np.ndarray, int], np.ndarray]


def by_iterative_stratification(boxes: csr_array, groups: np.ndarray, seed: int) -> np.ndarray:
    """Divide images by their classes, with the package iterative-stratification."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=SHARES[1], random_state=seed)
    held = (boxes > 0).toarray()
    return in_validation(len(held), next(splitter.split(held, held))[1])


def by_rarest_class(boxes: csr_array, groups: np.ndarray, seed: int) -> np.ndarray:
    """Divide groups by the rarest class of each image, with scikit-learn's StratifiedGroupKFold."""
    from sklearn.model_selection import StratifiedGroupKFold
    held = (boxes > 0).toarray()
    rarity = np.where(held, held.sum(axis=0), len(held) + 1)
    labels = np.where(held.any(axis=1), rarity.argmin(axis=1), held.shape[1])
    warnings.filterwarnings('ignore', 'The least populated class')
    splitter = StratifiedGroupKFold(n_splits=5, shuffle=True, random_state=seed)
    return in_validation(len(held), next(splitter.split(held, labels, groups))[1])


def in_validation(number: int, chosen: np.ndarray) -> np.ndarray:
    """Return the part of each image, from the positions of the validation images."""
    return np.isin(np.arange(number), chosen).astype(np.int64)


def methods(has_groups: bool) -> Iterator[tuple[str, Method]]:
    """Yield the names of the methods and functions that divide the images."""
    yield 'random', lambda boxes, groups, seed: random_parts(groups, SHARES, seed)
    yield 'StratifiedGroupKFold', by_rarest_class
    if not has_groups and importlib.util.find_spec('iterstrat'):
        yield 'iterative-stratification', by_iterative_stratification
    yield 'imbdet split', lambda boxes, groups, seed: split_images(boxes, groups, SHARES, seed)


def compare(ann_file: Path, group_by: str | None, seeds: int) -> None:
    """Print a row for each method: means over the seeds."""
    content, images = load_annotations(ann_file), read_content(ann_file)['images']
    groups = join_groups([image['id'] for image in images], *([group_names(images, group_by)] if group_by else []))
    boxes = box_counts(to_arrays(content), len(content.categories))
    options = SplitOptions(ann_file, SHARES)
    print(f'\n{ann_file}: {len(groups):,} images, {groups.max() + 1:,} groups, {boxes.shape[1]} classes; '
          f'means of {seeds} seeds\n')
    print('| method | classes missing in validation | deviation of images, mean | largest | of boxes, mean | largest | of all '
          'images | seconds |\n|---|---|---|---|---|---|---|---|')
    for name, divide in methods(bool(group_by)):
        start, numbers, sizes = time.perf_counter(), [], []
        for seed in range(seeds):
            counts = count_parts(boxes, divide(boxes, groups, seed), options)
            numbers.append(summarize(counts))
            sizes.append(abs(counts.num_images[1] / len(groups) - SHARES[1]))
        seconds = (time.perf_counter() - start) / seeds
        mean = {key: np.mean([number[key] for number in numbers]) for key in numbers[0]}
        shown = [*(mean[f'{which}_{kind}_deviation'] for kind in ('image', 'box') for which in ('mean', 'largest')),
                 np.mean(sizes)]
        print(f'| {name} | {mean["not_in_validation"]:.1f} | ' + ' | '.join(f'{100 * value:.2f}' for value in shown)
              + f' | {seconds:.2f} |')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ann_files', metavar='ANN', nargs='+', type=Path, help='annotation file in COCO or LVIS format')
    parser.add_argument('--group-by', metavar='RULE', help='as for imbdet split')
    parser.add_argument('--seeds', type=int, default=10, help='seeds (default: %(default)s)')
    arguments = parser.parse_args()
    for path in arguments.ann_files:
        compare(path, arguments.group_by, arguments.seeds)
