"""DatasetEquity report: clusters of image appearance, likelihoods and weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from imbdet.data.image_reader import ImageReader
from imbdet.dataset_equity.likelihood_file import LikelihoodFile
from imbdet.dataset_equity.likelihoods import NOISE
from imbdet.reports.drawing.figures import new_figure, save_figure
from imbdet.reports.drawing.html_page import Section, write_page
from imbdet.reports.methods.class_weights import ClassWeights

GALLERY_CLUSTERS = 4
GALLERY_IMAGES = 6
SCATTER_POINTS = 3000
MANY_CLUSTERS = 20
MOST_BARS = 40


def write_equity_report(folder: str | Path, content: LikelihoodFile, points: np.ndarray, paths: Sequence[str],
                        weights: np.ndarray, classes: ClassWeights, formula: str) -> Path:
    """Write ``index.html`` and its pictures: scatter, galleries, histogram of weights, weights of classes.

    Args:
        folder: Folder to write to.
        content: Clusters and likelihoods of N images.
        points: Their reduced embeddings, shape (N, D).
        paths: Paths of the images.
        weights: Weights of the images, shape (N,).
        classes: Mean weights of the classes.
        formula: The formula of the weights, as text.

    Returns:
        The page.
    """
    folder = Path(folder)
    names, counts = np.unique(content.clusters, return_counts=True)
    by_size = [int(name) for name in names[np.argsort(-counts, kind='stable')]]
    real = [name for name in by_size if name != NOISE]
    rarest = ([NOISE] if NOISE in by_size else []) + real[::-1]
    shown = min(GALLERY_CLUSTERS, -(-len(real) // 2))  # with few clusters half of them, or both galleries would be the same
    pictures = {
        'scatter': _scatter(folder / 'scatter.png', points, content.clusters, by_size),
        'rarest': _gallery(folder / 'rarest.png', rarest[:shown], content, paths, weights),
        'commonest': _gallery(folder / 'commonest.png', real[:shown], content, paths, weights),
        'weights': _histogram(folder / 'weights.png', weights, formula),
        'classes': _classes(folder / 'class_weights.png', classes),
    }
    embedding, clustering = content.provenance['embedding'], content.provenance['clustering']
    sections = [
        Section('Embeddings', 'Each point is an image, placed by t-SNE, which keeps neighbors together but distorts '
                f'distances. The clusters were found in {_space(clustering)}, not in this picture.', pictures['scatter']),
        Section('The rarest clusters', 'Images of the smallest clusters; their losses get the largest weights.',
                pictures['rarest']),
        Section('The commonest clusters', '', pictures['commonest']),
        Section('Weights', formula, pictures['weights']),
        Section('Mean weight of each class', 'The mean over its boxes, each with the weight of its image.', pictures['classes'],
                [('class', 'images', 'boxes', 'mean weight'),
                 *((name, str(images), str(boxes), f'{weight:.4f}') for name, images, boxes, weight
                   in zip(*classes, strict=True))]),
        Section('How this was made', '', None, [('what', 'value'), *((key, str(value)) for key, value in
                                                                     {**embedding, **clustering}.items())])
    ]
    noise = np.count_nonzero(content.clusters == NOISE)
    outside = f' and {noise} in none' if noise else ''
    skipped = f' {len(content.skipped)} images could not be read and are skipped.' if len(content.skipped) else ''
    return write_page(folder / 'index.html', f'Appearance of {content.provenance["source"]}',
                      f'{len(paths)} images, in {len(real)} clusters{outside}, embedded by {embedding["name"]}.{skipped}',
                      sections)


def _space(clustering: dict) -> str:
    reduced = clustering.get('reduction') == 'tsne'
    return f't-SNE of the embeddings to {clustering["dimensions"]} dimensions' if reduced else 'the embeddings'


def _scatter(out: Path, points: np.ndarray, clusters: np.ndarray, by_size: list[int]) -> Path:
    """Draw at most 3,000 images, colored by cluster."""
    from sklearn.manifold import TSNE
    chosen = np.random.default_rng(0).permutation(len(points))[:SCATTER_POINTS]
    if len(chosen) > 3:
        places = TSNE(2, perplexity=min(30, (len(chosen) - 1) / 3), init='random', random_state=0).fit_transform(points[chosen])
    else:
        places = np.zeros((len(chosen), 2))
    figure = new_figure(8, 6)
    axes = figure.add_subplot()
    from matplotlib import colormaps
    colors = [colormaps['tab20'](index) for index in (*range(0, 20, 2), *range(1, 20, 2))]  # strong ones first
    for position, cluster in enumerate(by_size):
        members = clusters[chosen] == cluster
        label = _title(cluster, int(np.count_nonzero(clusters == cluster))) if position < MANY_CLUSTERS else None
        axes.scatter(*places[members].T, s=12, label=label, color='#7f8c8d' if cluster == NOISE else colors[position % 20],
                     marker='x' if cluster == NOISE else 'o', linewidths=1 if cluster == NOISE else 0)
    axes.set_axis_off()
    axes.legend(loc='center left', bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False,
                title='clusters' if len(by_size) <= MANY_CLUSTERS else f'the {MANY_CLUSTERS} largest')
    return save_figure(figure, out)


def _title(cluster: int, size: int) -> str:
    return f'{"in no cluster" if cluster == NOISE else f"cluster {cluster}"}: {size} image{"s" if size != 1 else ""}'


def _gallery(out: Path, chosen: list[int], content: LikelihoodFile, paths: Sequence[str], weights: np.ndarray) -> Path:
    """Draw some images of each chosen cluster, one row per cluster."""
    figure = new_figure(1.8 * GALLERY_IMAGES, 2.1 * len(chosen))
    for row, cluster in enumerate(chosen):
        members = np.flatnonzero(content.clusters == cluster)
        shown = np.random.default_rng(0).permutation(members)[:GALLERY_IMAGES]
        for column, index in enumerate(shown):
            axes = figure.add_subplot(len(chosen), GALLERY_IMAGES, row * GALLERY_IMAGES + column + 1)
            thumbnail = Image.fromarray(ImageReader().read_rgb(paths[index]))
            thumbnail.thumbnail((240, 240))
            axes.imshow(thumbnail)
            axes.set_axis_off()
            if column == 0:
                axes.set_title(f'{_title(cluster, len(members))}, p = {content.likelihoods[index]:.3f}, '
                               f'w = {weights[index]:.3f}', loc='left', fontsize=9)
    return save_figure(figure, out)


def _histogram(out: Path, weights: np.ndarray, formula: str) -> Path:
    figure = new_figure(8, 3.2)
    axes = figure.add_subplot()
    axes.hist(weights, bins=40, color='#1f618d')
    axes.axvline(weights.mean(), color='#c0392b', label=f'mean {weights.mean():.3f}')
    axes.set_xlabel(f'weight, {formula}')
    axes.set_ylabel('images')
    axes.legend()
    return save_figure(figure, out)


def _classes(out: Path, classes: ClassWeights) -> Path:
    """Draw the mean weight of each class, largest first; with many classes only the largest and smallest."""
    order = np.argsort(-classes.mean_weight, kind='stable')
    order = order[~np.isnan(classes.mean_weight[order])]
    if len(order) > MOST_BARS:
        order = np.concatenate([order[:MOST_BARS // 2], order[-MOST_BARS // 2:]])
    figure = new_figure(8, 0.8 + 0.2 * max(len(order), 2))
    axes = figure.add_subplot()
    axes.barh(np.arange(len(order)), classes.mean_weight[order], color='#1f618d')
    axes.set_yticks(np.arange(len(order)), [f'{classes.names[index]} ({classes.boxes[index]})' for index in order], fontsize=8,
                    parse_math=False)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel('mean weight of its boxes (number of boxes after the name)')
    return save_figure(figure, out)
