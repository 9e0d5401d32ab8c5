"""A file of likelihoods for the tiny training set."""

import numpy as np

from imbdet.dataset_equity import LikelihoodFile, write_likelihoods


def write_for(folder, likelihoods, weights=None, **changes):
    """Write ``equity.npz`` for the images 0.png, 1.png, ... with these likelihoods; return its path."""
    number = len(likelihoods)
    columns = dict(image_ids=np.arange(number).astype(str), paths=np.array([f'images/{i}.png' for i in range(number)]),
                   clusters=np.arange(number, dtype=np.int32), likelihoods=np.array(likelihoods, float),
                   skipped=np.empty(0, str), provenance={'root': str(folder)})
    return write_likelihoods(folder / 'equity.npz', LikelihoodFile(**{**columns, **changes}), weights)
