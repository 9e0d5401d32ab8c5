"""Groups of images that look alike."""

import importlib.util
import logging
from typing import Any

import numpy as np
from mmengine.logging import print_log

METHODS = ('kmeans', 'hdbscan')
DIMENSIONS = 50
IMAGES_PER_CLUSTER = 100
SMALL = 10**6
"""Points times clusters up to which scikit-learn's k-means takes no more than seconds for ten starts."""
STARTING_POINTS = 20
"""Points for each cluster from which the first centres of a large k-means are chosen."""


def default_num_clusters(num_images: int) -> int:
    """Return one cluster for every 100 images, at least 2."""
    return max(round(num_images / IMAGES_PER_CLUSTER), 2)


def reduce_embeddings(embeddings: np.ndarray, seed: int = 0) -> np.ndarray:
    """Scale embeddings to length 1 and keep their 50 principal components.

    Args:
        embeddings: Shape (N, D), floating, finite.
        seed: Seed of the randomised decomposition.

    Returns:
        Shape (N, min(N, D, 50)), float32.

    Raises:
        ValueError: If an embedding is not finite.
    """
    from sklearn.decomposition import PCA
    broken = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(broken):
        raise ValueError(f'{len(broken)} embeddings are not finite; the network may not fit half precision or its weights')
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    points = (embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    dimensions = min(*points.shape, DIMENSIONS)
    return PCA(dimensions, svd_solver='randomized', random_state=seed).fit_transform(points).astype(np.float32)


def kmeans_clusters(points: np.ndarray, num_clusters: int, seed: int = 0) -> tuple[np.ndarray, str]:
    """Cluster by k-means, from centres that k-means++ chooses: it finds small groups far away, random ones miss them.

    Little data: the best of ten starts, by scikit-learn. Much data: one start, by faiss where it is installed, else, much
    slower, by scikit-learn in small batches.

    Args:
        points: Shape (N, D), float32.
        num_clusters: k, in [1, N].
        seed: Seed of the first centres.

    Returns:
        Cluster of each point, shape (N,), int32, and the library that found them.

    Raises:
        ValueError: If k is out of range.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans, kmeans_plusplus
    if not 1 <= num_clusters <= len(points):
        raise ValueError(f'{num_clusters} clusters of {len(points)} images; choose from 1 to {len(points)}')
    if len(points) * num_clusters <= SMALL:
        model = KMeans(num_clusters, random_state=seed, n_init=10)
        return model.fit_predict(points).astype(np.int32), 'scikit-learn'
    if importlib.util.find_spec('faiss') is None:
        print_log('faiss is not installed: k-means by scikit-learn, ten times slower at 100,000 images '
                  "(pip install 'imbdet[embeddings]')", logger='current', level=logging.WARNING)
        model = MiniBatchKMeans(num_clusters, random_state=seed, n_init=1, batch_size=4096)
        return model.fit_predict(points).astype(np.int32), 'scikit-learn'
    import faiss
    sample = np.random.default_rng(seed).permutation(len(points))[:STARTING_POINTS * num_clusters]
    centres, _ = kmeans_plusplus(points[sample], num_clusters, random_state=seed)
    kmeans: Any = faiss.Kmeans(points.shape[1], num_clusters, niter=20, seed=seed, max_points_per_centroid=len(points),
                               min_points_per_centroid=1)  # all points, and no warning of small clusters
    kmeans.train(points, init_centroids=centres)
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
