"""Objects that are listed twice."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from imbdet.annotations.fixes.fix_log import FixLog


def remove_copies(content: dict[str, Any], annotations: Sequence[dict], log: FixLog) -> None:
    """Remove annotations with the image, category, box, mask and crowd flag of an earlier one, whatever their ids.

    A detector finds an object once, so that its copies would count as missed.

    Args:
        content: Content of the file, changed in place.
        annotations: Its annotations whose boxes and masks are without faults.
        log: The record of changes.
    """
    alike: dict[tuple, list[dict]] = defaultdict(list)
    copies = set()
    for annotation in annotations:
        others = alike[(annotation['image_id'], annotation['category_id'], *annotation['bbox'])]
        # Compared one by one, because masks are long and boxes that are equal are few.
        if any(_rest(annotation) == _rest(other) for other in others):
            copies.add(id(annotation))
        else:
            others.append(annotation)
    log.remove(content, 'annotations', 'same object listed before', lambda annotation: id(annotation) in copies)


def _rest(annotation: dict) -> list[Any]:
    return [annotation.get(key) for key in ('segmentation', 'iscrowd', 'ignore')]
