"""A data set of images of one gray level each, from which a mixed image tells what it was made of."""

import json

import cv2
import numpy as np

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]


def gray_config(folder, levels, labels=None, size=(8, 8), pipeline=PIPELINE):
    """Write images of the given gray levels and sizes, each with a box of its label (None: without), as a config.

    ``size`` is (width, height), or one of them for each image.
    """
    labels = [0] * len(levels) if labels is None else labels
    sizes = [size] * len(levels) if isinstance(size, tuple) else size
    images, annotations = [], []
    for index, (level, label, (width, height)) in enumerate(zip(levels, labels, sizes, strict=True)):
        cv2.imwrite(str(folder / f'{index}.png'), np.full((height, width, 3), level, np.uint8))
        images.append(dict(id=index, file_name=f'{index}.png', width=width, height=height))
        if label is not None:
            annotations.append(dict(id=index, image_id=index, category_id=label, iscrowd=0, area=width * height / 4,
                                    bbox=[width / 4, height / 4, width / 2, height / 2]))
    names = 'abcdef'[:1 + max((label for label in labels if label is not None), default=0)]
    (folder / 'train.json').write_text(json.dumps(dict(
        images=images, annotations=annotations, categories=[dict(id=index, name=name) for index, name in enumerate(names)])))
    # Serializing would collect garbage, for half a second.
    return dict(type='CocoDataset', data_root=str(folder), ann_file='train.json', data_prefix=dict(img=''),
                metainfo=dict(classes=tuple(names)), pipeline=list(pipeline), serialize_data=False)
