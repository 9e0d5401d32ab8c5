"""Groups of images that look alike."""

import importlib.util
import inspect
from typing import Any

import numpy as np

CLUSTERING_METHODS = ('kmeans', 'hdbscan', 'dbscan')
REDUCTIONS = ('pca', 'tsne')
DIMENSIONS = 50
PERPLEXITY = 30
TSNE_ITERATIONS = 500
"""Iterations of t-SNE, as in the code of DatasetEquity's authors."""
IMAGES_PER_CLUSTER = 100
EXACT_KMEANS_LIMIT = 10**6
"""Points times clusters up to which scikit-learn's k-means takes only seconds for ten starts."""
STARTING_POINTS = 20
"""Points for each cluster from which the first centers of a large k-means are chosen;"""
LEAST_STARTING_POINTS = 20000
"""but at least this many: a smaller sample may have no image of a rare group."""
KMEANS_ITERATIONS = 20


def default_num_clusters(num_images: int) -> int:
    """Return one cluster for every 100 images, at least 2."""
    return max(round(num_images / IMAGES_PER_CLUSTER), 2)


def _check_finite(embeddings: np.ndarray) -> None:
    broken = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(broken):
        raise ValueError(f'{len(broken)} embeddings are not finite; the network may not fit half precision or its weights')


def reduce_embeddings(embeddings: np.ndarray, seed: int = 0, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Scale embeddings to length 1 and keep their principal components.

    Args:
        embeddings: Shape (N, D), floating, finite.
        seed: Seed of the randomized decomposition.
        dimensions: Most components to keep, at least 1.

    Returns:
        Shape (N, min(N, D, dimensions)), float32.

    Raises:
        ValueError: If an embedding is not finite, or ``dimensions`` is out of range.
    """
    from sklearn.decomposition import PCA
    _check_finite(embeddings)
    if dimensions < 1:
        raise ValueError(f'{dimensions} dimensions of principal components; choose at least 1')
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    points = (embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    components = min(*points.shape, dimensions)
    return PCA(components, svd_solver='randomized', random_state=seed).fit_transform(points).astype(np.float32)


def tsne_points(embeddings: np.ndarray, seed: int = 0, dimensions: int = 3) -> np.ndarray:
    """Place embeddings by t-SNE, as DatasetEquity's authors do before they cluster (arXiv 2308.09878).

    t-SNE keeps neighbors together and distorts distances; its time is that of scikit-learn's Barnes-Hut approximation.

    Args:
        embeddings: Shape (N, D), floating, finite, of any length; N above the perplexity of 30.
        seed: Seed of the placement.
        dimensions: 2 or 3.

    Returns:
        Shape (N, dimensions), float32.

    Raises:
        ValueError: If an embedding is not finite, there are too few, or ``dimensions`` is neither 2 nor 3.
    """
    from sklearn.manifold import TSNE
    _check_finite(embeddings)
    if dimensions not in (2, 3):
        raise ValueError(f'{dimensions} dimensions of t-SNE; choose 2 or 3')
    if len(embeddings) <= PERPLEXITY:
        raise ValueError(f't-SNE with a perplexity of {PERPLEXITY} needs more than {PERPLEXITY} images, got {len(embeddings)}; '
                         "take the reduction 'pca'")
    iterations = 'max_iter' if 'max_iter' in inspect.signature(TSNE).parameters else 'n_iter'  # before scikit-learn 1.5
    model = TSNE(dimensions, perplexity=PERPLEXITY, init='pca', learning_rate='auto', random_state=seed,
                 **{iterations: TSNE_ITERATIONS})
    return model.fit_transform(embeddings).astype(np.float32)


def kmeans_clusters(points: np.ndarray, num_clusters: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """Cluster by k-means, from centers that k-means++ chooses: it finds small groups far away, random ones miss them.

    Little data: the best of ten starts, by scikit-learn. Much data: one start and 20 iterations, by faiss where it is
    installed, else by scikit-learn (9 s against 7 s of 100,000 points, 1,000 clusters, one core).

    Args:
        points: Shape (N, D), float32.
        num_clusters: k, in [1, N].
        seed: Seed of the first centers.

    Returns:
        Cluster of each point, shape (N,), int32, and the library that found them.

    Raises:
        ValueError: If k is out of range.
    """
    from sklearn.cluster import KMeans, kmeans_plusplus
    if not 1 <= num_clusters <= len(points):
        raise ValueError(f'{num_clusters} clusters of {len(points)} images; choose from 1 to {len(points)}')
    if len(points) * num_clusters <= EXACT_KMEANS_LIMIT:
        model = KMeans(num_clusters, random_state=seed, n_init=10)
        return model.fit_predict(points).astype(np.int32), 'scikit-learn'
    sample = np.random.default_rng(seed).permutation(len(points))[:max(STARTING_POINTS * num_clusters, LEAST_STARTING_POINTS)]
    centers, _ = kmeans_plusplus(points[sample], num_clusters, random_state=seed)
    if importlib.util.find_spec('faiss') is None:
        # Not MiniBatchKMeans, which misses small groups and gives up clusters below 1 % of the largest.
        model = KMeans(num_clusters, init=centers, n_init=1, max_iter=KMEANS_ITERATIONS)
        return model.fit_predict(points).astype(np.int32), 'scikit-learn'
    import faiss
    kmeans: Any = faiss.Kmeans(points.shape[1], num_clusters, niter=KMEANS_ITERATIONS, seed=seed,
                               max_points_per_centroid=len(points), min_points_per_centroid=1)  # all points, and no warning
    kmeans.train(points, init_centroids=centers)
    _, clusters = kmeans.index.search(points, 1)
    return clusters[:, 0].astype(np.int32), 'faiss'


def hdbscan_clusters(points: np.ndarray, min_cluster_size: int) -> np.ndarray:
    """Cluster by density, with scikit-learn's HDBSCAN; its time grows with the square of N.

    Args:
        points: Shape (N, D), float32.
        min_cluster_size: Images that make a cluster, at least 2.

    Returns:
        Cluster of each point, shape (N,), int32; -1 for noise.

    Raises:
        ValueError: If ``min_cluster_size`` is out of range.
    """
    from sklearn.cluster import HDBSCAN
    if not 2 <= min_cluster_size <= len(points):
        raise ValueError(f'min_cluster_size {min_cluster_size} of {len(points)} images; choose from 2 to {len(points)}')
    return HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(points).astype(np.int32)


def dbscan_clusters(points: np.ndarray, eps: float, min_samples: int) -> np.ndarray:
    """Cluster by density with scikit-learn's DBSCAN: points with enough neighbors, and the neighbors of these.

    Args:
        points: Shape (N, D), float32.
        eps: Distance up to which two points are neighbors, above 0.
        min_samples: Neighbors of a point inside a cluster, itself included, at least 1.

    Returns:
        Cluster of each point, shape (N,), int32; -1 for noise.

    Raises:
        ValueError: If ``eps`` or ``min_samples`` is out of range.
    """
    from sklearn.cluster import DBSCAN
    if not 0 < eps < float('inf'):
        raise ValueError(f'eps must be above 0, got {eps}')
    if min_samples < 1:
        raise ValueError(f'min_samples must be at least 1, got {min_samples}')
    return DBSCAN(eps=eps, min_samples=min_samples).fit_predict(points).astype(np.int32)
