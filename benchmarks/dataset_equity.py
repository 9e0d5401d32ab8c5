"""Time the steps of a detector with DatasetEquityHook against those without, and the clustering of 100,000 embeddings.

    python benchmarks/dataset_equity.py [CONFIG] [--steps 60]

The default config needs data/digits_longtail and the file of likelihoods that configs/quickstart/README.md makes.
"""

import argparse
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmdet.registry import HOOKS
from mmengine.config import Config
from paired_steps import compare_steps, seconds, untrained_runner
from table import Row, print_table

from imbdet.dataset_equity.clusters import kmeans_clusters, reduce_embeddings

CONFIG = Path(__file__).parents[1] / 'configs/quickstart/retinanet_r18_equity_400i_digits.py'
NUM_IMAGES, DIMENSIONS, NUM_CLUSTERS = 100_000, 384, 1000


def time_steps(path: str | Path, steps: int) -> Row:
    """Time steps with the hook and without it.

    Args:
        path: Config with the hook.
        steps: Steps of each.

    Returns:
        The row of the table.
    """
    cfg = Config.fromfile(path)
    hook = HOOKS.build(next(hook for hook in cfg.custom_hooks if hook.type == 'DatasetEquityHook'))
    runner, optim_wrapper = untrained_runner(cfg, 'work_dirs/benchmark_dataset_equity')
    return compare_steps(runner, hook, next(iter(runner.train_dataloader)), optim_wrapper, steps,
                         f'{type(runner.model).__name__} with DatasetEquityHook')


def time_clustering() -> Iterator[Row]:
    """Time PCA and k-means on random groups, and tell the memory.

    Yields:
        Rows of the table.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2 * NUM_CLUSTERS, DIMENSIONS)).astype(np.float32)
    embeddings = centres[rng.integers(0, len(centres), NUM_IMAGES)]
    for part in np.array_split(embeddings, 100):
        part += 0.7 * rng.normal(size=part.shape).astype(np.float32)
    found = {}
    reducing = seconds(lambda: found.update(points=reduce_embeddings(embeddings)))
    clustering = seconds(lambda: found.update(clusters=kmeans_clusters(found['points'], NUM_CLUSTERS)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f'{NUM_IMAGES:,} x {DIMENSIONS} embeddings'
    yield Row('clustering', f'{what}: PCA, and k-means with {NUM_CLUSTERS:,} clusters by {found["clusters"][1]}',
              f'{reducing:.1f} and {clustering:.1f} s', 'at most 40 s together', reducing + clustering <= 40)
    yield Row('clustering', f'{what}: peak memory of the process', f'{peak:.2f} GiB', 'at most 1.40 GiB', peak <= 1.4)


def main() -> None:
    """Time both; clustering first, so that its memory is not that of a detector."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', default=CONFIG, help='config with the hook (default: %(default)s)')
    parser.add_argument('--steps', type=int, default=60, help='steps of each (default: %(default)s)')
    arguments = parser.parse_args()
    print_table([*time_clustering(), time_steps(arguments.config, arguments.steps)])


if __name__ == '__main__':
    main()
