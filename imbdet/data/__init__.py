"""mmdet's data sets: traversal of wrappers, labels, image sizes, and checks against the annotation files."""

from imbdet.data.configured_datasets import ConfiguredDataset, configured_datasets
from imbdet.data.data_infos import box_labels, boxes_and_labels, data_infos
from imbdet.data.dataset_checks import check_config, check_dataset_classes
from imbdet.data.image_header import image_size
from imbdet.data.labels import labels_per_image
from imbdet.data.wrappers import inner_configs, inner_datasets, walk_dataset

__all__ = [
    'ConfiguredDataset', 'box_labels', 'boxes_and_labels', 'check_config', 'check_dataset_classes', 'configured_datasets',
    'data_infos', 'image_size', 'inner_configs', 'inner_datasets', 'labels_per_image', 'walk_dataset'
]
