"""Fractal dimension of where the boxes of a class are."""

import numpy as np

MAX_GRID = 64
MIN_BOXES = 4


def fractal_dimension(centers: np.ndarray, max_grid: int = MAX_GRID) -> float:
    r"""Dimension of box centers by counting cells: 1 if they lie on a line or a point, 2 if they fill the image.

    Grids of G x G cells for G = 1, 2, ... divide the image. The dimension is the slope of the least-squares line of
    :math:`\ln N(G)` over :math:`\ln G`, where N(G) cells contain a center (FRACAL, arXiv 2410.11774). Grids with more cells
    than there are boxes are left out, since most of their cells would be empty for lack of boxes.

    A class of fewer than 4 boxes gets 1, and so does a slope below 1. With 4 to 8 boxes the line has two points, G = 1 and 2. A
    center on the right or lower edge is in the last cell, and so is one beyond it; the authors' code drops it.

    Args:
        centers: x and y of each box's center as fractions of its image's width and height, shape (n, 2), in [0, 1].
        max_grid: Largest G, at least 2.

    Returns:
        The dimension, in [1, 2] up to the error of the fit.

    Raises:
        ValueError: If the centers have another shape or are not finite, or ``max_grid`` is below 2.
    """
    centers = np.asarray(centers, dtype=np.float64)
    if centers.ndim != 2 or centers.shape[1] != 2 or not np.isfinite(centers).all():
        raise ValueError(f'centers must be finite and of shape (n, 2), got shape {centers.shape}')
    if max_grid < 2:
        raise ValueError(f'max_grid must be at least 2, got {max_grid}')
    if len(centers) < MIN_BOXES:
        return 1.0
    grids = range(1, min(max_grid, int(np.sqrt(len(centers)))) + 1)
    cells = [_occupied(centers, grid) for grid in grids]
    return max(float(np.polynomial.Polynomial.fit(np.log(grids), np.log(cells), 1).convert(kind=None).coef[-1]), 1.0)


def _occupied(centers: np.ndarray, grid: int) -> int:
    """Count the cells of a grid that contain a center."""
    columns, rows = np.floor(centers * grid).astype(np.int64).clip(0, grid - 1).T
    return len(np.unique(rows * grid + columns))
