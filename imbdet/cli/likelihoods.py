"""``imbdet likelihoods CONFIG_OR_ANN --out equity.npz``: embed, cluster and report.

The training set of a config, or the images of an annotation file, are embedded and clustered. The file contains the
likelihood of each image's appearance, for DatasetEquityHook and RepeatFactorSampler. On several GPUs: ``torchrun
--nproc-per-node 8 -m imbdet likelihoods ...``. To resume a run that was killed, start it again.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import imbdet
from imbdet.cli.errors import USAGE_ERROR, one_line_errors
from imbdet.cli.likelihood_settings import PRESETS, fill_settings
from imbdet.cli.runs import load_config, report_annotations
from imbdet.dataset_equity import LikelihoodFile, cluster_likelihoods, equity_weights, write_likelihoods
from imbdet.dataset_equity.clusters import (
    CLUSTERING_METHODS,
    DIMENSIONS,
    REDUCTIONS,
    dbscan_clusters,
    default_num_clusters,
    hdbscan_clusters,
    kmeans_clusters,
    reduce_embeddings,
    tsne_points,
)
from imbdet.dataset_equity.likelihoods import NOISE, NOISE_POLICIES
from imbdet.reports.drawing.figures import new_figure
from imbdet.reports.methods.class_weights import ClassWeights, class_weights

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

    from imbdet.dataset_equity.embedding_networks import Embedding
    from imbdet.dataset_equity.training_images import TrainingImages


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('source', metavar='CONFIG_OR_ANN', help='config, or annotation file in COCO or LVIS format')
    parser.add_argument('--out', required=True, type=Path, help='npz file to write; a csv and a report are written next to it')
    parser.add_argument('--img-folder', help='folder of the images of an annotation file')
    parser.add_argument('--preset', choices=PRESETS,
                        help="settings of the paper's authors in place of ours; a flag that is given still counts")
    parser.add_argument('--embedding',
                        help="model of torchvision; 'timm:NAME'; 'detector', the backbone of the config's detector; or "
                        "'colour-texture', statistics without weights (default: resnet50)")
    parser.add_argument('--weights', metavar='FILE',
                        help="file of weights; torchvision's name of some, such as IMAGENET1K_V1; 'default' downloads them "
                        "from the model's hub; 'none' uses random weights (default: default)")
    parser.add_argument('--image-size', type=int, help='side of a network input in pixels (default: 224)')
    parser.add_argument('--normalization', choices=('imagenet', 'symmetric'),
                        help="pixels for a model of torchvision: by ImageNet's mean and standard deviation, or to [-1, 1] "
                        '(default: imagenet)')
    parser.add_argument('--reduction', choices=REDUCTIONS, help='space of the clustering (default: pca)')
    parser.add_argument('--dimensions', type=int,
                        help=f'its dimensions (default: at most {DIMENSIONS} of pca, 3 of tsne, which can have 2 or 3)')
    parser.add_argument('--method', choices=CLUSTERING_METHODS, help='clustering (default: kmeans)')
    parser.add_argument('--clusters', type=int, help='number of clusters of k-means (default: one per 100 images)')
    parser.add_argument('--min-cluster-size', type=int, default=20,
                        help='minimum cluster size of HDBSCAN (default: %(default)s)')
    parser.add_argument('--eps', type=float, help='distance of neighbors of DBSCAN (default: 1.0)')
    parser.add_argument('--min-samples', type=int,
                        help='neighbors of an image inside a cluster of DBSCAN, itself included (default: 10)')
    parser.add_argument('--noise', choices=NOISE_POLICIES,
                        help='role of images outside all clusters of HDBSCAN and DBSCAN (default: rare)')
    parser.add_argument('--eta', type=float, default=1.0,
                        help='eta of the weights that are printed and in the CSV table (default: %(default)s)')
    parser.add_argument('--gamma', type=float, default=5.0, help='gamma of these weights (default: %(default)s)')
    parser.add_argument('--batch-size', type=int, default=64, help='images per batch (default: %(default)s)')
    parser.add_argument('--num-workers', type=int, default=2, help='processes that read images (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the clustering (default: %(default)s)')
    parser.add_argument('--dry-run', action='store_true',
                        help='print the weights; write only the embeddings, which the next run reuses')


def read_source(arguments: argparse.Namespace) -> 'tuple[TrainingImages, Config | None]':
    """List the images of the config or annotation file."""
    from imbdet.dataset_equity.training_images import images_of_annotations, images_of_config

    source = Path(arguments.source)
    if not source.is_file():
        raise FileNotFoundError(f'config or annotation file not found: {source}')
    if arguments.out.suffix != '.npz':
        raise ValueError(f'--out must end in .npz, got {arguments.out}')
    equity_weights(0.0, arguments.eta, arguments.gamma)  # checks the two
    new_figure(1, 1)  # fail now if matplotlib is missing, not after the embedding
    if source.suffix != '.json':
        cfg = load_config(source)
        report_annotations(cfg, ('train_dataloader', ))
        return images_of_config(cfg), cfg
    if arguments.img_folder is None:
        raise ValueError(f'{source} is an annotation file; set --img-folder to the folder of its images')
    return images_of_annotations(source, arguments.img_folder), None


def embed(arguments: argparse.Namespace, images: 'TrainingImages', embedding: 'Embedding', device: 'torch.device') -> Path:
    """Embed the images, distributed over all processes; return the folder of the embeddings."""
    from mmengine.dist import barrier, get_dist_info

    from imbdet.dataset_equity.embeddings import cache_folder, embed_shards

    paths = [key.img_path for key in images.keys]
    rank, world_size = get_dist_info()
    folder = cache_folder(arguments.out.with_suffix('.embeddings'), paths, embedding, images.reader)
    embed_shards(paths, embedding, folder, arguments.batch_size, arguments.num_workers, device, rank, world_size, images.reader)
    barrier()
    return folder


def reduce(arguments: argparse.Namespace, features: np.ndarray) -> np.ndarray:
    """Return the points that are clustered."""
    given = {} if arguments.dimensions is None else {'dimensions': arguments.dimensions}
    return {'pca': reduce_embeddings, 'tsne': tsne_points}[arguments.reduction](features, arguments.seed, **given)


def cluster(arguments: argparse.Namespace, points: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the clusters and the settings of the clustering."""
    settings: dict[str, Any] = {'method': arguments.method, 'seed': arguments.seed, 'dimensions': points.shape[1]}
    if arguments.reduction != 'pca':
        settings['reduction'] = arguments.reduction
    if arguments.method == 'dbscan':
        settings.update(library='scikit-learn', eps=arguments.eps, min_samples=arguments.min_samples, noise=arguments.noise)
        return dbscan_clusters(points, arguments.eps, arguments.min_samples), settings
    if arguments.method == 'hdbscan':
        settings.update(library='scikit-learn', min_cluster_size=arguments.min_cluster_size, noise=arguments.noise)
        return hdbscan_clusters(points, arguments.min_cluster_size), settings
    number = default_num_clusters(len(points)) if arguments.clusters is None else arguments.clusters
    clusters, library = kmeans_clusters(points, number, arguments.seed)
    settings.update(library=library, clusters=number)
    return clusters, settings


def file_content(images: 'TrainingImages', readable: np.ndarray, clusters: np.ndarray, noise: str,
                 provenance: dict[str, Any]) -> LikelihoodFile:
    """Assemble the content of the file."""
    paths = np.array([os.path.abspath(key.img_path) for key in images.keys])
    # The last common folder stays in the paths, to distinguish images from those of another split.
    root = os.path.dirname(os.path.commonpath([os.path.dirname(path) for path in paths]))
    names = np.array([Path(os.path.relpath(path, root)).as_posix() for path in paths])
    ids = np.array([str(key.img_id) for key in images.keys])
    return LikelihoodFile(ids[readable], names[readable], clusters, cluster_likelihoods(clusters, noise), names[~readable],
                          {**provenance, 'root': root, 'imbdet': imbdet.__version__})


def print_weights(content: LikelihoodFile, weights: np.ndarray, classes: ClassWeights) -> None:
    """Print clusters, the distribution of the weights, and the mean weight of each class."""
    sizes = np.unique(content.clusters[content.clusters != NOISE], return_counts=True)[1]
    noise = np.count_nonzero(content.clusters == NOISE)
    print(f'{len(content.clusters)} images in {len(sizes)} clusters of {sizes.min()} to {sizes.max()}'
          + (f', {noise} in none' if noise else '') + f'; embedding {content.provenance["embedding"]["name"]}, weights '
          f'{content.provenance["embedding"]["weights"]}; {content.provenance["clustering"]["method"]} by '
          f'{content.provenance["clustering"]["library"]}')
    if len(content.skipped):
        print(f'{len(content.skipped)} images could not be read and are skipped: {", ".join(content.skipped[:5])}'
              + (', ...' if len(content.skipped) > 5 else ''), file=sys.stderr)
    print('weights: ' + '  '.join(f'{name} {value:.4f}' for name, value in zip(
        ('least', '5 %', '25 %', 'median', '75 %', '95 %', 'most', 'mean'),
        [*np.percentile(weights, [0, 5, 25, 50, 75, 95, 100]), weights.mean()], strict=True)))
    width = max(len(name) for name in ('class', *classes.names))
    print(f'{"class":<{width}} {"images":>8} {"boxes":>8} {"mean weight":>12}')
    for row in zip(*classes, strict=True):
        print('{:<{width}} {:>8} {:>8} {:>12.4f}'.format(*row, width=width))


def join_processes(device: 'torch.device') -> None:
    """Initialize the process group of torchrun."""
    from mmengine.dist import init_dist

    from imbdet.cli.gloo import init_gloo

    if 'WORLD_SIZE' in os.environ:
        if device.type == 'cuda':
            init_dist('pytorch')
        else:
            init_gloo()


def run(arguments: argparse.Namespace) -> None:
    """Embed, cluster, report."""
    import torch
    from mmengine.dist import get_dist_info

    from imbdet.dataset_equity.embedding_networks import build_embedding
    from imbdet.dataset_equity.embeddings import load_shards
    from imbdet.reports.methods.equity_report import write_equity_report

    with one_line_errors(arguments.verbose, USAGE_ERROR):
        images, cfg = read_source(arguments)
        device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        join_processes(device)
        preset = fill_settings(arguments)
        if preset and get_dist_info()[0] == 0:
            flags = ' '.join(f'--{name.replace("_", "-")} {value}' for name, value in preset.items())
            print(f'preset {arguments.preset}: {flags}')
        embedding = build_embedding(arguments.embedding, arguments.weights, arguments.image_size, cfg, device,
                                    arguments.normalization)
    folder = embed(arguments, images, embedding, device)
    if get_dist_info()[0] != 0:
        return
    features, readable = load_shards(folder, len(images.keys))
    points = reduce(arguments, features)
    clusters, settings = cluster(arguments, points)
    content = file_content(images, readable, clusters, arguments.noise,
                           {'source': str(arguments.source), 'embedding': embedding.description, 'clustering': settings})
    weights = equity_weights(content.likelihoods, arguments.eta, arguments.gamma)
    shown = images.select(readable)
    classes = class_weights(shown.labels, weights, images.class_names)
    print_weights(content, weights, classes)
    if arguments.dry_run:
        print('dry run: no likelihoods were written')
        return
    write_likelihoods(arguments.out, content, equity_weights(content.likelihoods, arguments.eta, arguments.gamma))
    page = write_equity_report(arguments.out.with_name(arguments.out.stem + '_report'), content, points,
                               [key.img_path for key in shown.keys], weights, classes,
                               f'w = ({arguments.eta:g} + (1 - p)^{arguments.gamma:g}) / {arguments.eta + 1:g}')
    print(f'wrote {arguments.out}, {arguments.out.with_suffix(".csv")} and {page}')
