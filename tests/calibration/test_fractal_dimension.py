"""Fractal dimension of points whose dimension is known, and by loops over cells."""

import numpy as np
import pytest

from imbdet.calibration import fractal_dimension


def by_loops(centers, max_grid=64):
    """Look into each cell of each grid, and fit by the normal equations."""
    logs = []
    for grid in range(1, max_grid + 1):
        if grid**2 > len(centers):
            break
        cells = {(min(int(x * grid), grid - 1), min(int(y * grid), grid - 1)) for x, y in centers}
        logs.append((np.log(grid), np.log(len(cells))))
    x, y = np.array(logs).T
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean())**2).sum()
    return max(slope, 1)


def test_known_dimensions():
    steps = (np.arange(64) + 0.5) / 64
    plane = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    line = np.stack([steps, np.full(64, 0.3)], 1)
    assert fractal_dimension(plane) == pytest.approx(2)
    assert fractal_dimension(np.repeat(line, 64, 0)) == pytest.approx(1)
    assert fractal_dimension(np.full((100, 2), 0.5)) == 1  # a point has dimension 0


def test_a_sierpinski_carpet():
    """Its dimension is ln 8 / ln 3 = 1.893; grids that are no power of 3 blur it."""
    points = np.array([[0.5, 0.5]])
    for _ in range(4):
        points = np.concatenate([(points + np.array([column, row])) / 3 for column in range(3) for row in range(3)
                                 if (column, row) != (1, 1)])
    assert fractal_dimension(points) == pytest.approx(np.log(8) / np.log(3), abs=0.03)


@pytest.mark.parametrize('boxes', [4, 8, 9, 50, 5000])
def test_equal_to_loops(boxes):
    rng = np.random.default_rng(boxes)
    centers = rng.beta(2, 5, (boxes, 2))
    centers[:2] = [[1, 1], [0, 1]]
    assert fractal_dimension(centers) == pytest.approx(by_loops(centers))
    assert fractal_dimension(centers, max_grid=2) == pytest.approx(by_loops(centers, 2))


def test_few_boxes():
    corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]])
    assert fractal_dimension(corners) == pytest.approx(2)  # 1 cell, then 4
    assert fractal_dimension(corners[:3]) == 1
    assert fractal_dimension(np.empty((0, 2))) == 1


def test_centers_on_the_edge_are_in_the_last_cell():
    inside = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]])
    on_edge = np.where(inside > 0.5, 1.0, 0.0)
    assert fractal_dimension(on_edge) == fractal_dimension(inside)


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: fractal_dimension(np.zeros((4, 3))), r'shape \(n, 2\), got shape \(4, 3\)'),
    (lambda: fractal_dimension(np.zeros(4)), r'got shape \(4,\)'),
    (lambda: fractal_dimension(np.full((4, 2), np.nan)), 'centers must be finite'),
    (lambda: fractal_dimension(np.zeros((4, 2)), 1), 'max_grid must be at least 2, got 1')
])
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
