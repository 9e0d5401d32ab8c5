"""What decides whether a detector can learn from its data: classes of the heads, objects, batches."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.dense_heads import YOLACTProtonet
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.losses import EQLV2Loss
from mmdet.models.roi_heads import FCNMaskHead, MaskIoUHead
from mmdet.models.roi_heads.mask_heads import MaskPointHead
from torch import nn

from imbdet.annotations.fault import first_few
from imbdet.data.data_infos import data_infos
from imbdet.data.labels import labels_per_image
from imbdet.data.wrappers import inner_datasets
from imbdet.heads.find_heads import find_heads
from imbdet.heads.head_specs import RPN_HEADS

COUNTING = (BaseDenseHead, FCNMaskHead, MaskPointHead, MaskIoUHead, YOLACTProtonet, EQLV2Loss)
"""Modules besides the classification heads with a ``num_classes`` that has to be that of the data."""
NAMED = 5
"""Maximum number of classes in a message."""


def check_head_classes(detector: nn.Module, classes: Sequence[str], things: Sequence[str] = ()) -> None:
    """Check that the heads have as many classes as the data.

    With fewer, mmdet teaches the last classes as background; with more, it fails in the evaluation. Mask heads and losses that
    count classes are compared as well. An RPN has one class, and a detector with a language model takes its classes from a
    text; both are not compared.

    Args:
        detector: An mmdet detector.
        classes: Names of the data set's classes.
        things: Of a panoptic data set the classes of things, which are all that a box head of Panoptic FPN has.

    Raises:
        ValueError: If a head has more or fewer; with the key to write.
    """
    if any(hasattr(module, 'language_model') for module in detector.modules()):
        return
    for name, head in find_heads(detector).items():
        _compare(name, head.module, classes, things)
    for name, module in detector.named_modules():
        if isinstance(module, COUNTING) and not getattr(module, 'class_agnostic', False):
            _compare(name, module, classes, things)


def _compare(name: str, module: nn.Module, classes: Sequence[str], things: Sequence[str]) -> None:
    number = getattr(module, 'num_classes', None)
    is_rpn = isinstance(module, RPN_HEADS) or 'rpn_head' in name.split('.')
    if isinstance(number, int) and not is_rpn and number not in (len(classes), len(things) or None):
        raise _other_classes(name, number, classes)


def _other_classes(name: str, number: int, classes: Sequence[str]) -> ValueError:
    names = ', '.join(map(str, classes[:NAMED])) + (', ...' if len(classes) > NAMED else '')
    return ValueError(f'model.{name} has num_classes={number}, but the data set has {len(classes)} classes ({names}); set '
                      f"num_classes={len(classes)} in each of the model's heads, or correct metainfo=dict(classes=...)")


def check_objects(dataset: Any) -> None:
    """Check that there is at least one object to learn from; stops at the first.

    Args:
        dataset: A data set or a wrapper; data sets without ``instances`` are not checked.

    Raises:
        ValueError: If all boxes are crowd or ignored ones, or there are none.
    """
    num_images = num_ignored = 0
    for inner in inner_datasets(dataset):
        if not hasattr(inner, 'get_data_info'):
            return
        for info in data_infos(inner):
            if 'instances' not in info:
                return
            num_images += 1
            for instance in info['instances']:
                if not instance.get('ignore_flag', 0):
                    return
                num_ignored += 1
    files = ', '.join(dict.fromkeys(str(getattr(inner, 'ann_file', type(inner).__name__)) for inner in inner_datasets(dataset)))
    if num_ignored:
        reason = f'all {num_ignored} boxes are crowd or ignored; set iscrowd and ignore to 0 where a box is one object'
    else:
        reason = ('no box is left of the annotations: those of other classes, without area, outside their image, below one '
                  "pixel (such as coordinates in [0, 1]) or marked as ignored are dropped; 'imbdet report' counts them, and "
                  "'imbdet fix' corrects what it can")
    raise ValueError(f'{files}: none of the {num_images} training images has an object to learn from: {reason}')


def absent_classes(dataset: Any) -> str | None:
    """Look for classes without objects in data sets whose class names are compared with no file, such as VOC's.

    Args:
        dataset: A data set or a wrapper. CocoDataset and its subclasses are left out, see
            :func:`~imbdet.data.dataset_checks.check_dataset_classes`.

    Returns:
        What to say if a class has none; None otherwise.
    """
    for inner in inner_datasets(dataset):
        metainfo = getattr(inner, 'metainfo', None)
        names = metainfo.get('classes') if isinstance(metainfo, dict) else None
        if hasattr(inner, 'cat_ids') or not names or not hasattr(inner, 'get_data_info'):
            continue
        try:
            found = {int(label) for labels in labels_per_image(inner) for label in labels}
        except TypeError:  # no boxes with labels
            continue
        absent = [str(name) for label, name in enumerate(names) if label not in found]
        if absent:
            return (f'{len(absent)} of the {len(names)} classes of the {type(inner).__name__} have no object in the training '
                    f'images ({first_few(absent)}): they are misspelled in metainfo, or cannot be learned')
    return None


def check_batches(dataloader: Any) -> None:
    """Check that an epoch has at least one batch.

    Args:
        dataloader: The dataloader of the training.

    Raises:
        ValueError: If it has none.
    """
    if len(dataloader) > 0:
        return
    batch_size = getattr(dataloader, 'batch_size', None) or getattr(dataloader.batch_sampler, 'batch_size', '')
    raise ValueError(f'an epoch has no batch: {len(dataloader.dataset)} training images are fewer than '
                     f'train_dataloader.batch_size={batch_size} on each process, and drop_last drops them; lower batch_size or '
                     'set drop_last=False')
