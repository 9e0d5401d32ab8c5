"""Ground truth in a form that all evaluation libraries read identically."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from imbdet.annotations import AnnotationError, AnnotationFile
from imbdet.annotations.lenient import as_mmdet_takes
from imbdet.annotations.masks import usable_polygons
from imbdet.evaluation.detections import Detections, pair_keys

FEDERATED_KEYS = ('neg_category_ids', 'not_exhaustive_category_ids')


def check_federated(path: str | Path, annotations: AnnotationFile) -> None:
    """Raise unless all images list the classes that were checked in them, as LVIS's evaluation requires.

    Args:
        path: The annotation file, for the message.
        annotations: Its content.

    Raises:
        AnnotationError: If ``'neg_category_ids'`` or ``'not_exhaustive_category_ids'`` is missing in an image.
    """
    for key in FEDERATED_KEYS:
        missing = [image.id for image in annotations.images if getattr(image, key) is None]
        if missing:
            raise AnnotationError(f"{path}: {len(missing)} images have no {key!r}, which LVIS's evaluation needs (first image "
                                  f"id {missing[0]}); for files in COCO format use style='coco'")


def _mask(box: dict) -> dict:
    """Return the polygons of an annotation; nothing if it has run lengths or no mask."""
    polygons = box.get('segmentation')
    return {'segmentation': usable_polygons(polygons)} if isinstance(polygons, list) else {}


class GroundTruth:
    """The content of an annotation file, normalized so that evaluation libraries agree on it.

    - Images are numbered 1, 2, ... in the order of their ids, which may be text. Ids that are whole floats are integers, and
      flags are 0 or 1.
    - Image sizes are integers. Annotations of images or categories that the file does not list are dropped.
    - Annotations are numbered from 1: pycocotools and lvis-api treat the id 0 as "not matched".
    - With ``style='lvis'``, as in lvis-api, crowds are ordinary objects and annotations without area do not count.
      Categories get a frequency, which lvis-api requires; the results do not depend on it.

    - Polygons of fewer than three points, which libraries take for boxes or refuse, are left out.

    Args:
        path: A COCO or LVIS annotation file that :func:`~imbdet.annotations.check_content` accepts, and for masks also
            :func:`~imbdet.annotations.mask_checks.check_masks`.
        style: ``'lvis'`` or ``'coco'``.
        images: Ids of the images to keep. None: all.
        masks: Whether masks are evaluated; without, ``segmentation`` is left out.

    Raises:
        AnnotationError: If some image ids are numbers and others are text.

    Attributes:
        content: The renumbered content.
        image_ids: Image ids of the file, ascending, shape (N,); image number i is at position i - 1.
    """

    def __init__(self, path: str | Path, style: str, images: Iterable[int | str] | None = None,
                 masks: bool = True) -> None:
        self.path = Path(path)
        self.style = style
        content = as_mmdet_takes(json.loads(self.path.read_bytes()))
        if images is not None:
            kept = set(images)
            content['images'] = [image for image in content['images'] if image['id'] in kept]
        if len({type(image['id']) for image in content['images']}) > 1:
            raise AnnotationError(f'{path}: some image ids are numbers and some are text; all must have the same type')
        ids = sorted(image['id'] for image in content['images'])
        numbers = {image_id: number for number, image_id in enumerate(ids, start=1)}
        self.image_ids = np.array(ids)
        categories = {category['id'] for category in content['categories']}
        is_lvis = style == 'lvis'
        left_out = {*(['iscrowd'] if is_lvis else []), *([] if masks else ['segmentation'])}
        self.content = {
            'info': {}, 'licenses': [],
            'images': sorted(({**image, 'id': numbers[image['id']], 'width': round(image['width']),
                               'height': round(image['height'])} for image in content['images']),
                             key=lambda image: image['id']),
            'annotations': [
                {**{key: value for key, value in box.items() if key not in left_out}, **(_mask(box) if masks else {}),
                 'id': number, 'image_id': numbers[box['image_id']],
                 **{key: int(bool(box.get(key))) for key in ('iscrowd', 'ignore') if key not in left_out and key in box}}
                for number, box in enumerate(content.get('annotations', ()), start=1)
                if box['image_id'] in numbers and box['category_id'] in categories and not (is_lvis and box['area'] <= 0)],
            'categories': [{**category, 'frequency': 'f'} for category in content['categories']]}

    def has_ignored(self) -> bool:
        """Return whether any object has ``ignore`` set, which only lvis-api supports."""
        return self.style == 'lvis' and any(box.get('ignore') for box in self.content['annotations'])

    def with_image_numbers(self, detections: Detections) -> Detections:
        """Replace the image ids of detections with image numbers.

        Args:
            detections: Detections with the file's image ids.

        Returns:
            The same detections with image numbers, int64.

        Raises:
            ValueError: If an image is not in the file.
        """
        if not len(detections.image_ids):
            return detections._replace(image_ids=np.empty(0, np.int64))
        positions = np.searchsorted(self.image_ids, detections.image_ids)
        known = self.image_ids[np.minimum(positions, len(self.image_ids) - 1)] == detections.image_ids
        if not known.all():
            raise ValueError(f'{self.path} has no image {detections.image_ids[known.argmin()].item()!r}, but there are '
                             'detections on it; evaluate against the annotations of the images that were tested')
        return detections._replace(image_ids=positions + 1)

    def is_evaluated(self, detections: Detections, category_ids: Sequence[int]) -> np.ndarray:
        """Find the detections that count: with ``style='lvis'`` those of classes in the image or in its ``neg_category_ids``.

        Args:
            detections: n detections with image numbers.
            category_ids: The evaluated categories.

        Returns:
            Whether each counts, shape (n,), bool.
        """
        wanted = np.isin(detections.category_ids, np.asarray(category_ids))
        if self.style == 'coco':
            return wanted
        pairs = [(box['image_id'], box['category_id']) for box in self.content['annotations']]
        pairs += [(image['id'], category) for image in self.content['images'] for category in image['neg_category_ids']]
        keys = pair_keys(*np.array(pairs, dtype=np.int64).reshape(-1, 2).T)
        return wanted & np.isin(pair_keys(detections.image_ids, detections.category_ids), keys)
