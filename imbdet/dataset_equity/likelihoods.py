"""From clusters to likelihoods, and from likelihoods to weights."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

NOISE_POLICIES = ('rare', 'as_cluster')
NOISE = -1
"""Cluster of an image that density clustering leaves outside all clusters."""

Values = TypeVar('Values', float, np.ndarray, 'Tensor')


def cluster_likelihoods(clusters: np.ndarray, noise: str = 'rare') -> np.ndarray:
    r"""Give each image the likelihood of its appearance.

    .. math:: p(i) = n(k_i) / \max_k n(k)

    with n(k) the images of cluster k (arXiv 2308.09878, as its authors code it).

    Args:
        clusters: Cluster of each image, integers of shape (N,), -1 for noise, N at least 1.
        noise: What noise is: ``'rare'``, each image like nothing else, p = 0; or ``'as_cluster'``, one cluster, often
            the largest, as in the authors' code.

    Returns:
        Likelihoods in [0, 1], shape (N,), float64.

    Raises:
        ValueError: If ``noise`` is unknown, there is no image, or all of them are noise.
    """
    if noise not in NOISE_POLICIES:
        raise ValueError(f'unknown noise policy {noise!r}; choose one of {", ".join(NOISE_POLICIES)}')
    clusters = np.asarray(clusters)
    if (clusters == NOISE).all():
        raise ValueError(f'no cluster among {len(clusters)} images; a smaller min_cluster_size finds more, of DBSCAN a larger '
                         'eps')
    names, members = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(members, minlength=len(names))
    if noise == 'rare':
        sizes[names == NOISE] = 0
    return sizes[members] / sizes.max()


def equity_weights(likelihood: Values, eta: float = 1.0, gamma: float = 5.0) -> Values:
    r"""Weigh images by how rare they are.

    .. math:: w(p) = \frac{\eta + (1 - p)^\gamma}{\eta + 1}

    the generalized focal loss of DatasetEquity (arXiv 2308.09878), which is not the loss that mmdet calls GFL.

    Args:
        likelihood: p in [0, 1]: a number, an array or a tensor of any shape and floating type.
        eta: Above 0. The commonest images weigh :math:`\eta / (\eta + 1)`, those of likelihood 0 weigh 1.
        gamma: At least 0. The larger it is, the fewer images count as rare.

    Returns:
        Weights in [eta / (eta + 1), 1], of the likelihoods' shape and type.

    Raises:
        ValueError: If a value is out of range or no number.
    """
    if not 0 < eta < float('inf'):
        raise ValueError(f'eta must be above 0, got {eta}; at 0 common images would weigh nothing')
    if not 0 <= gamma < float('inf'):
        raise ValueError(f'gamma must be at least 0, got {gamma}')
    inside = (likelihood >= 0) & (likelihood <= 1)  # not so for NaN
    if not (inside if isinstance(inside, bool) else bool(inside.all())):
        raise ValueError('likelihoods must be in [0, 1]; found values out of range or NaN')
    return (eta + (1 - likelihood)**gamma) / (eta + 1)
