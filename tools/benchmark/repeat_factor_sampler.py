"""Time RepeatFactorSampler against mmengine's ClassBalancedDataset on a data set of LVIS v1's size.

    python tools/benchmark/repeat_factor_sampler.py [--runs 3]

The data set has 100,170 images and 1.27 million boxes with polygons, made up in memory; class frequencies follow a power
law. Both are built in turn, so that the ratio holds when the machine's speed drifts. Takes some minutes and 6 GB.
"""

import argparse
import time
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from mmdet.datasets import BaseDetDataset
from mmengine.dataset import ClassBalancedDataset
from tqdm import tqdm

from imbdet.repeat_sampling import RepeatFactorSampler

NUM_IMAGES = 100170
NUM_BOXES = 1270141
NUM_CLASSES = 1203


class LVISSizedDataset(BaseDetDataset):
    """As many images, boxes and classes as LVIS v1's training set has."""

    METAINFO: ClassVar = {'classes': tuple(f'class_{index}' for index in range(NUM_CLASSES))}

    def load_data_list(self) -> list[dict]:
        """Make up the annotations in the form that LVISV1Dataset gives them."""
        rng = np.random.default_rng(0)
        weights = 1 / np.arange(1, NUM_CLASSES + 1)**1.3
        labels = rng.choice(NUM_CLASSES, NUM_BOXES, p=weights / weights.sum()).tolist()
        images = np.sort(rng.integers(NUM_IMAGES, size=NUM_BOXES)).tolist()
        points = rng.uniform(0, 400, (1000, 2 * 22)).round(2).tolist()
        data = [{'img_id': index, 'img_path': f'train2017/{index:012d}.jpg', 'height': 480, 'width': 640, 'instances': []}
                for index in range(NUM_IMAGES)]
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            polygon = points[index % len(points)]
            data[image]['instances'].append({'ignore_flag': 0, 'bbox': polygon[:4], 'bbox_label': label,
                                             'mask': [polygon]})
        return data


def seconds(build: Callable[[], object]) -> tuple[float, object]:
    """Return how long a call takes, and what it returns."""
    start = time.perf_counter()
    result = build()
    return time.perf_counter() - start, result


def main() -> None:
    """Time both, in turn, and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=3, help='times that both are built (default: %(default)s)')
    runs = parser.parse_args().runs
    print('making the data set')
    dataset = LVISSizedDataset(ann_file='', pipeline=[])
    ratios, ours, theirs = [], [], []
    sampler = RepeatFactorSampler(dataset, seed=0)  # warms up
    for _ in tqdm(range(runs), disable=None, unit='run'):
        ours.append(seconds(lambda: RepeatFactorSampler(dataset, seed=0))[0])
        theirs.append(seconds(lambda: ClassBalancedDataset(dataset, oversample_thr=1e-3))[0])
        ratios.append(ours[-1] / theirs[-1])
    draws = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        draws.append(seconds(lambda: list(sampler))[0])
    print(f'build: RepeatFactorSampler {np.median(ours):.2f} s, ClassBalancedDataset {np.median(theirs):.2f} s, ratio '
          f'{np.median(ratios):.2f} (each of {runs}: {", ".join(f"{ratio:.2f}" for ratio in ratios)}; at most 0.6 is '
          'wanted)')
    print(f'epoch: {len(sampler)} indices drawn in {1000 * np.median(draws):.1f} ms, longest {1000 * max(draws):.1f} ms '
          '(at most 30 is wanted)')


if __name__ == '__main__':
    main()
