"""DatasetEquity: embeddings, clusters, likelihoods of appearance, and the hook that weights losses by them."""

from imbdet.dataset_equity.batch_weights import weight_gradient
from imbdet.dataset_equity.equity_hook import DatasetEquityHook
from imbdet.dataset_equity.image_weights import image_keys, image_weights
from imbdet.dataset_equity.likelihood_file import ImageKey, LikelihoodFile, read_likelihoods, write_likelihoods
from imbdet.dataset_equity.likelihoods import cluster_likelihoods, equity_weights

__all__ = [
    'DatasetEquityHook', 'ImageKey', 'LikelihoodFile', 'cluster_likelihoods', 'equity_weights', 'image_keys',
    'image_weights', 'read_likelihoods', 'weight_gradient', 'write_likelihoods'
]
