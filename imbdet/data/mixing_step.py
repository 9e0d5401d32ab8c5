"""A mixing transform in the pipeline of a WeightedMultiImageMixDataset."""

from typing import Any

import numpy as np

from imbdet.data.mixed_shares import MIXED_IMAGES, merge_shares, source_shares
from imbdet.data.partner_draw import draw_partners


class MixingStep:
    """A mixing transform of a WeightedMultiImageMixDataset: draws by weights, mixes as the transform does.

    Args:
        transform: The transform.
        record_shares: Whether to write into ``results['mixed_images']`` what the mixed image consists of.

    Attributes:
        transforms: The transform, in a list, where those who search a pipeline look.
        cumulative: Cumulative weights of the data set's images, shape (N,); None: partners are drawn uniformly.
    """

    def __init__(self, transform: Any, record_shares: bool) -> None:
        self.transforms = [transform]
        self.record_shares = record_shares
        self.cumulative: np.ndarray | None = None

    def get_indexes(self, dataset: Any) -> Any:
        """Draw the partner images.

        Args:
            dataset: The data set to draw from.

        Returns:
            Their indices.
        """
        transform, = self.transforms
        if self.cumulative is None:
            return transform.get_indexes(dataset)
        return draw_partners(transform, dataset, self.cumulative)

    def __call__(self, results: dict) -> dict | None:
        """Mix the images.

        Args:
            results: The main image's, with ``mix_results``.

        Returns:
            What the transform returns.
        """
        transform, = self.transforms
        if not self.record_shares:
            return transform(results)
        shares = merge_shares(results, source_shares(transform, results))
        mixed = transform(results)
        return mixed if mixed is None else {**mixed, MIXED_IMAGES: shares}

    def __repr__(self) -> str:
        return repr(self.transforms[0])
