"""Images with labels as a dict in COCO's format."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Label(NamedTuple):
    """A labeled object.

    Attributes:
        label: Position of its class, from 0.
        box: x, y of the upper left corner, width and height, in pixels.
        polygon: x1, y1, x2, y2, ... in pixels; None if there is none.
        is_crowd: Whether it is no object to train on.
    """

    label: int
    box: tuple[float, float, float, float]
    polygon: list[float] | None = None
    is_crowd: bool = False


class LabeledImage(NamedTuple):
    """An image with its labels.

    Attributes:
        file_name: Path relative to the data set's folder.
        width: Width in pixels.
        height: Height in pixels.
        labels: Its objects.
    """

    file_name: str
    width: int
    height: int
    labels: list[Label]


def coco_content(images: Iterable[LabeledImage], names: Sequence[str]) -> dict[str, Any]:
    """Convert images with labels to the content of a COCO file.

    Args:
        images: The images.
        names: Names of the classes.

    Returns:
        A dict with ``images``, ``annotations`` and ``categories``, whose ids count from 1.
    """
    image_entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        image_entries.append({'id': image_id, 'file_name': image.file_name, 'width': image.width, 'height': image.height})
        for label in image.labels:
            entry = {'id': len(annotations) + 1, 'image_id': image_id, 'category_id': label.label + 1,
                     'bbox': list(label.box), 'area': _area(label), 'iscrowd': int(label.is_crowd)}
            if label.polygon is not None:
                entry['segmentation'] = [label.polygon]
            annotations.append(entry)
    categories = [{'id': number, 'name': name} for number, name in enumerate(names, start=1)]
    return {'images': image_entries, 'annotations': annotations, 'categories': categories}


def _area(label: Label) -> float:
    """Return the area of the polygon, and of the box where there is none or its loops cancel out."""
    x, y = (label.polygon[0::2], label.polygon[1::2]) if label.polygon else ([], [])
    doubled = sum(x[i - 1] * y[i] - x[i] * y[i - 1] for i in range(len(x)))  # the shoelace formula
    return abs(doubled) / 2 or label.box[2] * label.box[3]
