"""Which classes count in which image, by the lists of a federated data set such as LVIS."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from imbdet.annotations import AnnotationError, load_annotations
from imbdet.data.data_infos import data_infos
from imbdet.data.mixing_transforms import mixing_transforms
from imbdet.data.wrappers import inner_datasets


class ListedClasses(NamedTuple):
    """Labels of an image.

    Attributes:
        counting: Classes that the image shows or that are listed as absent, int64.
        open_ended: Classes of which perhaps not all objects have boxes, int64.
    """

    counting: np.ndarray
    open_ended: np.ndarray


def listed_classes(dataset: Any) -> dict[str, ListedClasses]:
    """Read the lists of all images of a data set.

    Args:
        dataset: A data set with an annotation file of which each image has ``neg_category_ids`` and
            ``not_exhaustive_category_ids``, or a wrapper around such.

    Returns:
        The classes by the image's path.

    Raises:
        AnnotationError: If an image of a file has no lists.
        ValueError: If a transform mixes images, whose lists differ.
    """
    mixing = mixing_transforms(dataset)
    if mixing:
        raise ValueError(f"FederatedLoss: {', '.join(type(step).__name__ for step in mixing)} mixes images, whose lists of "
                         "classes differ; use negatives='sampled', or take it out of the pipeline")
    table = {}
    for part in inner_datasets(dataset):
        lists = {image.id: image for image in load_annotations(part.ann_file).images}
        for info in data_infos(part):
            image = lists[info['img_id']]
            if image.neg_category_ids is None or image.not_exhaustive_category_ids is None:
                raise AnnotationError(f'{part.ann_file}: image {image.id} has no neg_category_ids and '
                                      "not_exhaustive_category_ids; use FederatedLoss(negatives='sampled')")
            shown = {instance['bbox_label'] for instance in info['instances']}
            absent = _labels(part.cat2label, image.neg_category_ids)
            table[info['img_path']] = ListedClasses(
                np.array(sorted(shown | absent), np.int64),
                np.array(sorted(_labels(part.cat2label, image.not_exhaustive_category_ids)), np.int64))
    return table


def _labels(cat2label: Mapping[int, int], category_ids: list[int]) -> set[int]:
    return {cat2label[category_id] for category_id in category_ids if category_id in cat2label}


def batch_masks(images: list[ListedClasses], num_classes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Spread the lists of a batch.

    Args:
        images: The lists of each of B images.
        num_classes: Number of classes C.
        device: Where the masks shall be.

    Returns:
        Whether a class counts in an image, and whether its objects may lack boxes, both of shape (B, C), bool.
    """
    masks = torch.zeros(2, len(images), num_classes, dtype=torch.bool)
    for mask, field in zip(masks, ListedClasses._fields, strict=True):
        for row, image in zip(mask, images, strict=True):
            row[torch.from_numpy(getattr(image, field))] = True
    counting, open_ended = masks.to(device)
    return counting, open_ended


class _FederatedGradient(torch.autograd.Function):
    """Logits as they are, whose gradients are those of a federated loss."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, counting: Tensor, open_ended: Tensor) -> Tensor:
        ctx.save_for_backward(counting, open_ended)
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        counting, open_ended = ctx.saved_tensors
        return torch.where(open_ended, gradient.clamp(max=0), gradient).masked_fill(~counting, 0), None, None


def federated_gradient(logits: Tensor, counting: Tensor, open_ended: Tensor) -> Tensor:
    """Take the classes out of the gradient of logits that do not count, and the negatives of those that are open-ended.

    Args:
        logits: Any shape.
        counting: Which of them have a gradient; broadcasts with the logits, bool.
        open_ended: Which of them have no gradient that lowers them; broadcasts with the logits, bool.

    Returns:
        The logits, of the same values.
    """
    return _FederatedGradient.apply(logits, counting, open_ended)
