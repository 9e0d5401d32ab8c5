"""Where in the images the boxes of each class are."""

from typing import Any

import numpy as np

from imbdet.data.data_infos import boxes_and_labels, data_infos


def box_centers(dataset: Any, num_classes: int) -> list[np.ndarray]:
    """Read the centres of each class's boxes, as fractions of the width and height of their image.

    Crowd and ignored boxes do not count, as in :mod:`imbdet.classes.counts`.

    Args:
        dataset: A data set or wrapper with ``len()`` and mmdet's ``get_data_info(index)``, whose items have ``width`` and
            ``height``.
        num_classes: Number of classes C.

    Returns:
        For each class x and y of its boxes' centres, shape (n, 2), float64, in [0, 1] for boxes inside their image; in the
        order of the data set.

    Raises:
        TypeError: If the data set has no ``get_data_info``, or its items lack a key.
    """
    centers, labels = [np.empty((0, 2))], [np.empty(0, np.int64)]
    try:
        for data_info in data_infos(dataset):
            boxes, image_labels = boxes_and_labels(data_info)
            centers.append((boxes[:, :2] + boxes[:, 2:]) / 2 / (data_info['width'], data_info['height']))
            labels.append(image_labels)
    except KeyError as error:
        raise TypeError(f'the items of {type(dataset).__name__} have no {error} key; box centers need their width and height '
                        "and item['instances'][i]['bbox'] and ['bbox_label'], as mmdet's detection data sets give") from error
    flat, flat_labels = np.concatenate(centers), np.concatenate(labels)
    order = np.argsort(flat_labels, kind='stable')
    ends = np.cumsum(np.bincount(flat_labels, minlength=num_classes))
    return np.split(flat[order], ends[:-1])
