"""Division of the images of an annotation file into training and validation images, or into folds."""

from imbdet.annotations.splitting.copies import find_copies
from imbdet.annotations.splitting.image_groups import group_names, image_name, join_groups
from imbdet.annotations.splitting.part_content import part_content, training_categories
from imbdet.annotations.splitting.split_images import box_counts, random_parts, split_images
from imbdet.annotations.splitting.stratify import stratify

__all__ = [
    'box_counts', 'find_copies', 'group_names', 'image_name', 'join_groups', 'part_content', 'random_parts', 'split_images',
    'stratify', 'training_categories'
]
