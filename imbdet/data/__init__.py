"""mmdet's data sets: traversal of wrappers, labels, image sizes, mixed images, and checks against the annotation files.

Only WeightedMultiImageMixDataset needs mmdet when it is imported; it is imported on first use.
"""

from typing import TYPE_CHECKING

import lazy_loader

from imbdet.data.configured_datasets import ConfiguredDataset, configured_datasets
from imbdet.data.data_infos import box_labels, boxes_and_labels, data_infos
from imbdet.data.dataset_checks import check_config, check_dataset_classes
from imbdet.data.image_reader import ImageReader, image_size, pipeline_reader
from imbdet.data.labels import labels_per_image
from imbdet.data.mixing_transforms import mixing_transforms, uniform_mixing, unrecorded_mixing
from imbdet.data.wrappers import inner_configs, inner_datasets, walk_dataset

if TYPE_CHECKING:
    from imbdet.data.weighted_mix_dataset import WeightedMultiImageMixDataset

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={'weighted_mix_dataset': ['WeightedMultiImageMixDataset']})
__all__ = [
    'ConfiguredDataset', 'ImageReader', 'WeightedMultiImageMixDataset', 'box_labels', 'boxes_and_labels', 'check_config',
    'check_dataset_classes', 'configured_datasets', 'data_infos', 'image_size', 'inner_configs', 'inner_datasets',
    'labels_per_image', 'mixing_transforms', 'pipeline_reader', 'uniform_mixing', 'unrecorded_mixing', 'walk_dataset'
]
