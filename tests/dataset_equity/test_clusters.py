"""Groups that were planted are found, whatever their sizes and whichever library looks for them."""

import importlib.util

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from imbdet.dataset_equity import cluster_likelihoods, clusters
from imbdet.dataset_equity.clusters import (
    dbscan_clusters,
    default_num_clusters,
    hdbscan_clusters,
    kmeans_clusters,
    reduce_embeddings,
    tsne_points,
)

SIZES = (500, 60, 8)


@pytest.fixture(scope='module')
def planted():
    """Points in three groups well apart, mixed, and the group of each."""
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(range(3), SIZES))
    centers = np.array([[0, 0, 0, 0, 0, 0], [6, 0, 0, 0, 3, 0], [0, 0, 5, 5, 0, 0]])
    return (centers[groups] + rng.normal(0, 0.5, (len(groups), 6))).astype(np.float32), groups


@pytest.fixture(params=['small', 'faiss', 'no faiss'])
def library(request, monkeypatch):
    """The three ways of k-means; the name of the library that each takes."""
    if request.param == 'small':
        return 'scikit-learn'
    monkeypatch.setattr(clusters, 'EXACT_KMEANS_LIMIT', 0)
    if request.param == 'faiss':
        pytest.importorskip('faiss', reason='an optional dependency')
        return 'faiss'
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: None if name == 'faiss' else find_spec(name, *rest))
    return 'scikit-learn'


@pytest.mark.parametrize('seed', range(4))
def test_kmeans_finds_groups_of_very_unequal_size(library, planted, seed):
    points, groups = planted
    found, by = kmeans_clusters(points, 3, seed)
    assert by == library
    assert found.dtype == np.int32
    assert found.shape == groups.shape
    assert set(found.tolist()) == {0, 1, 2}
    assert adjusted_rand_score(groups, found) == 1


def test_kmeans_finds_rare_groups_of_much_data(library):
    """Each so small that a few points for each cluster would not hold it."""
    rng = np.random.default_rng(0)
    groups = np.repeat(range(6), [3000, 10, 10, 10, 10, 10])
    points = (100 * np.eye(6)[groups] + rng.normal(0, 1, (len(groups), 6))).astype(np.float32)
    assert adjusted_rand_score(groups, kmeans_clusters(points, 6)[0]) == 1


def test_kmeans_repeats_with_its_seed(library, planted):
    points, _ = planted
    found = [kmeans_clusters(points, 12, seed)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert adjusted_rand_score(found[0], found[2]) < 1  # one group in many clusters has no single best division


def test_kmeans_gives_each_point_to_the_nearest_mean(library, planted):
    points, _ = planted
    found, _ = kmeans_clusters(points, 12)
    assert set(found.tolist()) == set(range(12))
    means = np.stack([points[found == cluster].mean(0) for cluster in range(12)])
    nearest = np.linalg.norm(points[:, None] - means, axis=2).argmin(1)
    assert (nearest == found).mean() > 0.95  # 20 iterations of much data do not always end


def test_kmeans_of_all_in_one_or_each_alone(library):
    points = np.random.default_rng(0).random((9, 3), dtype=np.float32)
    assert kmeans_clusters(points, 1)[0].tolist() == [0] * 9
    assert sorted(kmeans_clusters(points, 9)[0].tolist()) == list(range(9))


@pytest.mark.parametrize('number', [0, -1, 10])
def test_wrong_number_of_clusters(library, number):
    with pytest.raises(ValueError, match=f'{number} clusters of 9 images; choose from 1 to 9'):
        kmeans_clusters(np.zeros((9, 3), np.float32), number)


def test_hdbscan_finds_groups_and_outliers(planted):
    points, groups = planted
    outliers = np.random.default_rng(1).normal(0, 1, (12, 6))
    outliers *= 40 / np.linalg.norm(outliers, axis=1, keepdims=True)  # far from all, and from each other
    given = np.concatenate([points, outliers]).astype(np.float32)
    before = given.copy()
    found = hdbscan_clusters(given, 6)
    assert found.dtype == np.int32
    assert (found[len(points):] == -1).all()
    inside = found[:len(points)] != -1
    assert inside.mean() > 0.95
    assert all(inside[groups == group].any() for group in range(3))
    assert adjusted_rand_score(groups[inside], found[:len(points)][inside]) == 1
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(found, hdbscan_clusters(given, 6))


def test_hdbscan_min_cluster_size(planted):
    points, groups = planted
    assert (hdbscan_clusters(points, 20)[groups == 2] == -1).all()  # eight do not make a cluster of twenty


@pytest.mark.parametrize('size', [1, 0, 10])
def test_wrong_min_cluster_size(size):
    with pytest.raises(ValueError, match=f'min_cluster_size {size} of 9 images; choose from 2 to 9'):
        hdbscan_clusters(np.zeros((9, 3), np.float32), size)


def neighbors_of_neighbors(points, eps, min_samples):
    """DBSCAN from its definition: points with enough neighbors, joined where these are neighbors; others join or are noise."""
    near = np.linalg.norm(points[:, None] - points, axis=2) <= eps
    core = near.sum(1) >= min_samples
    found = np.full(len(points), -1)
    for start in np.flatnonzero(core):
        if found[start] == -1:
            group, waiting = found.max() + 1, [start]
            while waiting:
                index = waiting.pop()
                if found[index] == -1:
                    found[index] = group
                    waiting += np.flatnonzero(near[index]).tolist() if core[index] else []
    return found


def test_dbscan_and_likelihoods_by_hand():
    """Chains of points 0.9 apart: twelve, eleven, and nine, which is too short for ten neighbors within 5; and two alone."""
    places = [*(0.9 * np.arange(12)), *(100 + 0.9 * np.arange(11)), *(200 + 0.9 * np.arange(9)), 300, 400]
    points = np.stack([places, np.zeros(len(places))], axis=1).astype(np.float32)
    found = dbscan_clusters(points, 5.0, 10)
    assert found.dtype == np.int32
    assert found.tolist() == [0] * 12 + [1] * 11 + [-1] * 11
    assert cluster_likelihoods(found).tolist() == [1] * 12 + [11 / 12] * 11 + [0] * 11
    assert cluster_likelihoods(found, 'as_cluster').tolist() == [1] * 12 + [11 / 12] * 22


@pytest.mark.parametrize(('eps', 'min_samples'), [(0.4, 3), (1.0, 10), (1.5, 25)])
def test_dbscan_against_its_definition(planted, eps, min_samples):
    points, _ = planted
    found, expected = dbscan_clusters(points, eps, min_samples), neighbors_of_neighbors(points, eps, min_samples)
    np.testing.assert_array_equal(found == -1, expected == -1)
    # A point on the border of two groups belongs to the one that is found first.
    assert adjusted_rand_score(expected, found) > 0.99


@pytest.mark.parametrize(('eps', 'min_samples', 'message'), [
    (0.0, 10, 'eps must be above 0, got 0.0'), (np.inf, 10, 'eps must be above 0, got inf'),
    (np.nan, 10, 'eps must be above 0, got nan'), (1.0, 0, 'min_samples must be at least 1, got 0')])
def test_wrong_settings_of_dbscan(eps, min_samples, message):
    with pytest.raises(ValueError, match=message):
        dbscan_clusters(np.zeros((9, 3), np.float32), eps, min_samples)


def test_tsne_keeps_groups_and_is_that_of_scikit_learn():
    from sklearn.manifold import TSNE
    rng = np.random.default_rng(0)
    groups = np.repeat(range(3), [30, 20, 12])
    embeddings = (40 * np.eye(3, 16)[groups] + rng.normal(0, 1, (len(groups), 16))).astype(np.float32)
    points = tsne_points(embeddings, seed=1)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, TSNE(3, perplexity=30, max_iter=500, random_state=1).fit_transform(embeddings))
    flat = tsne_points(embeddings, dimensions=2)
    assert flat.shape == (62, 2)
    distances = np.linalg.norm(flat[:, None] - flat, axis=2) + np.diag([np.inf] * len(flat))
    assert (groups[distances.argmin(1)] == groups).all()


def test_wrong_settings_of_tsne():
    with pytest.raises(ValueError, match='4 dimensions of t-SNE; choose 2 or 3'):
        tsne_points(np.zeros((99, 5), np.float32), dimensions=4)
    with pytest.raises(ValueError, match='t-SNE with a perplexity of 30 needs more than 30 images, got 30'):
        tsne_points(np.zeros((30, 5), np.float32))
    with pytest.raises(ValueError, match='1 embeddings are not finite'):
        tsne_points(np.where(np.arange(31)[:, None] == 4, np.nan, 1).astype(np.float32))


def test_default_number_of_clusters():
    assert [default_num_clusters(number) for number in (1, 199, 251, 600, 118287)] == [2, 2, 3, 6, 1183]


def distances(points):
    return np.linalg.norm(points[:, None] - points, axis=2)


@pytest.mark.parametrize('shape', [(40, 3), (200, 50), (9, 30), (2, 100)])
def test_reduction_keeps_the_distances_of_directions(shape):
    embeddings = np.random.default_rng(0).normal(0.3, 1, shape).astype(np.float32) * 7
    reduced = reduce_embeddings(embeddings)
    assert reduced.dtype == np.float32
    assert reduced.shape == (shape[0], min(*shape, 50))
    directions = embeddings.astype(np.float64) / np.sqrt((embeddings.astype(np.float64)**2).sum(1, keepdims=True))
    np.testing.assert_allclose(distances(reduced), distances(directions), atol=2e-3)


def test_fewer_dimensions():
    embeddings = np.random.default_rng(0).normal(0, 1, (40, 9)).astype(np.float32)
    few, all_ = reduce_embeddings(embeddings, dimensions=3), reduce_embeddings(embeddings)
    assert few.shape == (40, 3)
    np.testing.assert_allclose(np.abs(few), np.abs(all_[:, :3]), atol=1e-4)
    with pytest.raises(ValueError, match='0 dimensions of principal components; choose at least 1'):
        reduce_embeddings(embeddings, dimensions=0)


def test_reduction_to_the_strongest_directions():
    """Against the decomposition of the centred matrix by numpy."""
    rng = np.random.default_rng(0)
    embeddings = (rng.normal(0, 1, (150, 120)) * np.geomspace(1, 1e-3, 120)) @ np.linalg.qr(rng.normal(0, 1, (120, 120)))[0]
    directions = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    left, strengths, _ = np.linalg.svd(directions - directions.mean(0), full_matrices=False)
    reduced = reduce_embeddings(embeddings.astype(np.float32))
    assert reduced.shape == (150, 50)
    np.testing.assert_allclose(distances(reduced), distances(left[:, :50] * strengths[:50]), atol=5e-3)
    np.testing.assert_array_equal(reduced, reduce_embeddings(embeddings.astype(np.float32)))


def test_lengths_do_not_count():
    embeddings = np.random.default_rng(0).normal(0, 1, (20, 8)).astype(np.float32)
    scales = np.geomspace(1e-3, 1e3, 20, dtype=np.float32)[:, None]
    np.testing.assert_allclose(distances(reduce_embeddings(embeddings * scales)), distances(reduce_embeddings(embeddings)),
                               atol=1e-4)


def test_embedding_of_zeros():
    assert np.isfinite(reduce_embeddings(np.eye(4, 6, k=-1, dtype=np.float32))).all()


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_embedding_that_is_not_finite(value):
    embeddings = np.ones((5, 4), np.float32)
    embeddings[1, 2] = embeddings[3, :2] = value
    with pytest.raises(ValueError, match='2 embeddings are not finite'):
        reduce_embeddings(embeddings)
