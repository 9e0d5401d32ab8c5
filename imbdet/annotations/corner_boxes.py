"""Boxes that are written as corners x1, y1, x2, y2 where x, y, width, height are expected."""

import numpy as np

MARGIN = 1.05
"""A box leaves its image if it ends beyond 105 % of the image's side, which careless drawing rarely does."""
LEAVING_SHARE = 0.25
"""Of boxes that are corners, three quarters leave the image if they are read as x, y, width, height: those whose center is in
the right or in the lower half. A quarter is enough for a question."""


def share_that_leaves(boxes: np.ndarray, sizes: np.ndarray) -> float | None:
    """Find out whether boxes look like corners: then none leaves its image if it is read so, but many if it is not.

    Args:
        boxes: Four finite numbers of each box, shape (n, 4).
        sizes: Width and height of its image, shape (n, 2).

    Returns:
        The share of boxes that leave their image as x, y, width, height, if they look like corners; else None.
    """
    limits = MARGIN * sizes
    if not len(boxes) or (boxes[:, 2:] < boxes[:, :2]).any() or (boxes[:, 2:] > limits).any():
        return None
    share = float((boxes[:, :2] + boxes[:, 2:] > limits).any(axis=1).mean())
    return share if share >= LEAVING_SHARE else None
