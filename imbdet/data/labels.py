"""Class labels of every image of a data set, read in one pass."""

from typing import Any

import numpy as np

from imbdet.data.data_infos import box_labels, data_infos


def labels_per_image(dataset: Any) -> list[np.ndarray]:
    """Read the labels of every image from a data set or wrapper.

    Crowd and ignored boxes do not count, see :func:`~imbdet.data.data_infos.box_labels`.

    Args:
        dataset: Anything with ``len()`` and mmdet's ``get_data_info(index)``: CocoDataset, LVISV1Dataset, ConcatDataset,
            RepeatDataset, MultiImageMixDataset and others.

    Returns:
        The labels of each image, shape (number of its boxes,), int64; empty for an image without boxes.

    Raises:
        TypeError: If the data set has no ``get_data_info``, or its items have no ``instances`` with ``bbox_label``.
    """
    try:
        return [box_labels(data_info) for data_info in data_infos(dataset)]
    except KeyError as error:
        raise TypeError(f'the items of {type(dataset).__name__} have no key {error}. Class counts need '
                        "item['instances'][i]['bbox_label'], which mmdet's detection data sets provide") from error
