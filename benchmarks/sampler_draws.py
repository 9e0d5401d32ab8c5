"""What the samplers of a grid show in a training: images, and boxes of rare and frequent classes.

    python benchmarks/sampler_draws.py benchmarks/grids/voc07.py --rare-max 20      # in the root of the repository

Draws are those of the first seed. Boxes are counted before augmentation, which drops a few. Nothing is trained.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmengine.registry import init_default_scope

from imbdet.classes import GroupLimits, class_names, dataset_counts, frequency_groups
from imbdet.cli.arguments import parse_options
from imbdet.cli.grid_jobs import Job, read_grid
from imbdet.cli.runs import load_config
from imbdet.data.labels import labels_per_image

HEAD = ('run', 'draws', 'images never shown', 'most often shown image', 'images with rare classes', 'boxes of rare classes',
        'boxes of frequent classes')


class Boxes(NamedTuple):
    """Boxes of a training set.

    Attributes:
        counts: Boxes of each image and class, shape (N, C).
        groups: Frequency group of each class, shape (C,).
    """

    counts: np.ndarray
    groups: np.ndarray


def boxes_of(dataset: Any, limits: GroupLimits) -> Boxes:
    """Count the boxes of each image and class."""
    counts = np.zeros((len(dataset), len(class_names(dataset))), dtype=np.int64)
    for index, labels in enumerate(labels_per_image(dataset)):
        np.add.at(counts[index], labels, 1)
    return Boxes(counts, np.array(frequency_groups(dataset_counts(dataset).images, *limits)))


def draws(sampler: Any, number: int) -> np.ndarray:
    """Draw from a sampler, epoch after epoch."""
    drawn: list[int] = []
    epoch = 0
    while len(drawn) < number:
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(epoch)
        drawn += list(sampler)
        epoch += 1
    return np.array(drawn[:number])


def row(name: str, drawn: np.ndarray, boxes: Boxes) -> tuple[str, ...]:
    """Describe what was drawn."""
    times = np.bincount(drawn, minlength=len(boxes.counts))
    rare, frequent = boxes.groups == 'r', boxes.groups == 'f'
    shown = times @ boxes.counts
    with_rare = times @ boxes.counts[:, rare].any(axis=1)
    return (name, f'{len(drawn):,}', f'{np.count_nonzero(times == 0)}', f'{times.max()} times', f'{with_rare / len(drawn):.0%}',
            f'{shown[rare].sum() / shown.sum():.0%}', f'{shown[frequent].sum() / shown.sum():.0%}')


def rows(jobs: list[Job], limits: GroupLimits) -> Iterator[tuple[str, ...]]:
    """Yield a row for each sampler of the first seed."""
    seen: list[str] = []
    init_default_scope('mmdet')
    dataset: Any = DATASETS.build(load_config(jobs[0].config).train_dataloader.dataset)
    boxes = boxes_of(dataset, limits)
    for job in (each for each in jobs if each.seed == jobs[0].seed):
        cfg = load_config(job.config)
        cfg.merge_from_dict(parse_options(job.options))
        loader = cfg.train_dataloader
        number = cfg.train_cfg.max_iters * loader.batch_size
        if (key := f'{loader.sampler} {number}') in seen:
            continue
        seen.append(key)
        sampler = DATA_SAMPLERS.build(dict(loader.sampler, seed=job.seed), default_args=dict(dataset=dataset))
        yield row(job.name, draws(sampler, number), boxes)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('grid', type=Path, help='grid file, whose runs train on one data set')
    parser.add_argument('--rare-max', type=int, default=10, help='most training images of a rare class (default: %(default)s)')
    parser.add_argument('--common-max', type=int, default=100, help='of a common class (default: %(default)s)')
    arguments = parser.parse_args()
    jobs = read_grid(arguments.grid, Path('work_dirs') / arguments.grid.stem, [])
    found = list(rows(jobs, GroupLimits(arguments.rare_max, arguments.common_max)))
    for line in (HEAD, ('---', ) * len(HEAD), *found):
        print(f'| {" | ".join(line)} |')


if __name__ == '__main__':
    main()
