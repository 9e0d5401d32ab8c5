"""Time RepeatFactorSampler against mmengine's ClassBalancedDataset, and its maths against loops, at LVIS v1's size.

    python benchmarks/repeat_factor_sampler.py [--runs 3]

The data set has 100,170 images and 1.27 million boxes with polygons, made up in memory; class frequencies follow a power
law. Both are built in turn, so that the ratio holds when the machine's speed drifts. The maths of RFS is also timed against
the same in Python loops, as detectron2's sampler has it, from the same lists of labels. Takes some minutes and 6 GB.
"""

import argparse
import collections
import math
from collections.abc import Iterator
from typing import ClassVar

import imbdet  # noqa: F401  first: it reports a broken installation and the fix

# isort: split
import numpy as np
import torch
from mmdet.datasets import BaseDetDataset
from mmengine.dataset import ClassBalancedDataset
from paired_steps import seconds
from table import Row, print_table, ratio_row
from tqdm import tqdm

from imbdet.classes import count_classes
from imbdet.data import labels_per_image
from imbdet.repeat_sampling import RepeatFactorSampler, category_repeat_factors, image_repeat_factors, systematic_indices

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


def loop_factors(labels: list[list[int]], threshold: float) -> torch.Tensor:
    """Compute RFS's image factors as detectron2's RepeatFactorTrainingSampler does: image by image, class by class."""
    image_counts: collections.Counter = collections.Counter()
    for image_labels in labels:
        image_counts.update(set(image_labels))
    class_factors = {label: max(1.0, math.sqrt(threshold * len(labels) / count)) for label, count in image_counts.items()}
    return torch.tensor([max((class_factors[label] for label in set(image_labels)), default=1.0) for image_labels in labels])


def loop_epoch(factors: torch.Tensor, generator: torch.Generator) -> list[int]:
    """Draw an epoch as detectron2's sampler does: the whole part of a factor, one more with the probability of the rest."""
    repeats = factors.floor() + (torch.rand(len(factors), generator=generator) < factors.frac())
    indices: list[int] = []
    for image, repeat in enumerate(repeats):
        indices += [image] * int(repeat)
    return [indices[place] for place in torch.randperm(len(indices), generator=generator).tolist()]


def array_factors(labels: list[list[int]], threshold: float) -> np.ndarray:
    """Compute the same by imbdet's functions."""
    counts = count_classes([np.asarray(image_labels, dtype=np.int64) for image_labels in labels], NUM_CLASSES)
    return image_repeat_factors(labels, category_repeat_factors(*counts, threshold, 'rfs'))


def rows(runs: int) -> Iterator[Row]:
    """Time the building of samplers and the drawing of epochs.

    Args:
        runs: Times that each is run.

    Yields:
        Rows of the table.
    """
    dataset = LVISSizedDataset(ann_file='', pipeline=[])
    what = f'{NUM_IMAGES:,} images, {NUM_BOXES:,} boxes'
    sampler = RepeatFactorSampler(dataset, seed=0)  # warms up
    built = [(seconds(ClassBalancedDataset, dataset, oversample_thr=1e-3), seconds(RepeatFactorSampler, dataset, seed=0))
             for _ in tqdm(range(runs), disable=None, unit='run')]
    yield ratio_row('sampler', f'{what}: built, against ClassBalancedDataset', np.array(built), 0.6)
    draws = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        draws.append(1000 * seconds(lambda: list(sampler)))
    yield Row('sampler', f'{what}: an epoch of {len(sampler):,} drawn', f'{np.median(draws):.1f} ms ({min(draws):.1f} to '
              f'{max(draws):.1f}, 20 epochs)', 'at most 30 ms', bool(np.median(draws) <= 30))
    labels = [image_labels.tolist() for image_labels in labels_per_image(dataset)]
    factors = loop_factors(labels, 1e-3)
    np.testing.assert_allclose(array_factors(labels, 1e-3), factors.numpy(), rtol=1e-6)
    counted = [(seconds(loop_factors, labels, 1e-3), seconds(array_factors, labels, 1e-3)) for _ in range(runs)]
    yield ratio_row('sampler', f'{what}: RFS factors from lists of labels, against loops as in detectron2', np.array(counted),
                    None)
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    drawn = [(seconds(loop_epoch, factors, generator), seconds(lambda: systematic_indices(factors.numpy(), rng).tolist()))
             for _ in range(2 * runs)]
    yield ratio_row('sampler', f'{what}: an epoch of RFS drawn, against loops as in detectron2', np.array(drawn), None)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=3, help='times that both are built (default: %(default)s)')
    print_table(rows(parser.parse_args().runs))


if __name__ == '__main__':
    main()
