"""DatasetEquity: embeddings, clusters, likelihoods of appearance, and the hook that weights losses by them.

What needs torch or mmdet is imported when it is first used.
"""

from typing import TYPE_CHECKING

import lazy_loader

from imbdet.data.image_table import ImageKey, image_keys
from imbdet.dataset_equity.likelihood_file import LikelihoodFile, read_likelihoods, write_likelihoods
from imbdet.dataset_equity.likelihoods import cluster_likelihoods, equity_weights

if TYPE_CHECKING:
    from imbdet.dataset_equity.batch_weights import weight_gradient
    from imbdet.dataset_equity.equity_hook import DatasetEquityHook
    from imbdet.dataset_equity.image_weights import image_weights

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={
    'batch_weights': ['weight_gradient'],
    'equity_hook': ['DatasetEquityHook'],
    'image_weights': ['image_weights'],
})
__all__ = [
    'DatasetEquityHook', 'ImageKey', 'LikelihoodFile', 'cluster_likelihoods', 'equity_weights', 'image_keys',
    'image_weights', 'read_likelihoods', 'weight_gradient', 'write_likelihoods'
]
