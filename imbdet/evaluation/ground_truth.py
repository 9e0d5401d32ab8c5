"""Ground truth in the one form that every evaluation library reads alike."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbdet.annotations import AnnotationError, AnnotationFile
from imbdet.evaluation.detections import Detections, pair_keys

FEDERATED_KEYS = ('neg_category_ids', 'not_exhaustive_category_ids')


def check_federated(path: str | Path, annotations: AnnotationFile) -> None:
    """Raise unless all images tell which classes they are judged in, as LVIS's evaluation needs.

    Args:
        path: The annotation file, for the message.
        annotations: Its content.

    Raises:
        AnnotationError: If an image lacks a key.
    """
    for key in FEDERATED_KEYS:
        lacking = [image.id for image in annotations.images if getattr(image, key) is None]
        if lacking:
            raise AnnotationError(f"{path}: {len(lacking)} images have no {key!r}, which LVIS's evaluation needs (first image "
                                  f"id {lacking[0]}); for COCO-format files use style='coco'")


class GroundTruth:
    """The content of an annotation file, put so that evaluation libraries agree on it.

    - Images are numbered 1, 2, ... in the order of their ids, which may be text.
    - Sizes of images are whole numbers. Annotations of images or categories that the file does not list are left out.
    - Annotations are numbered from 1: pycocotools and lvis-api take the id 0 for "not matched".
    - With ``style='lvis'``, as lvis-api has it, crowds are objects like others and annotations without area do not count.
      Categories get a frequency, which lvis-api demands and the results do not depend on.

    Args:
        path: A COCO or LVIS annotation file that :func:`~imbdet.annotations.check_content` has found usable.
        style: ``'lvis'`` or ``'coco'``.

    Raises:
        AnnotationError: If image ids are numbers and text.

    Attributes:
        content: The renumbered content.
        image_ids: Ids of the images as the file has them, ascending, shape (N,); image number i is at position i - 1.
    """

    def __init__(self, path: str | Path, style: str) -> None:
        self.path = Path(path)
        self.style = style
        content = json.loads(self.path.read_bytes())
        if len({type(image['id']) for image in content['images']}) > 1:
            raise AnnotationError(f'{path}: some image ids are numbers and some are text; make them all alike')
        ids = sorted(image['id'] for image in content['images'])
        numbers = {image_id: number for number, image_id in enumerate(ids, start=1)}
        self.image_ids = np.array(ids)
        categories = {category['id'] for category in content['categories']}
        is_lvis = style == 'lvis'
        left_out = {'iscrowd'} if is_lvis else set()
        self.content = {
            'info': {}, 'licenses': [],
            'images': sorted(({**image, 'id': numbers[image['id']], 'width': round(image['width']),
                               'height': round(image['height'])} for image in content['images']),
                             key=lambda image: image['id']),
            'annotations': [
                {**{key: value for key, value in box.items() if key not in left_out}, 'id': number,
                 'image_id': numbers[box['image_id']]}
                for number, box in enumerate(content['annotations'], start=1)
                if box['image_id'] in numbers and box['category_id'] in categories and not (is_lvis and box['area'] <= 0)],
            'categories': [{**category, 'frequency': 'f'} for category in content['categories']]}

    def has_ignored(self) -> bool:
        """Tell whether objects bear a set ``ignore``, which of all the libraries lvis-api alone heeds."""
        return self.style == 'lvis' and any(box.get('ignore') for box in self.content['annotations'])

    def numbered(self, detections: Detections) -> Detections:
        """Replace the image ids of detections by the numbers.

        Args:
            detections: Detections with the file's image ids.

        Returns:
            The same with the images' numbers, int64.

        Raises:
            ValueError: If an image is not in the file.
        """
        if not len(detections.image_ids):
            return detections._replace(image_ids=np.empty(0, np.int64))
        positions = np.searchsorted(self.image_ids, detections.image_ids)
        known = self.image_ids[np.minimum(positions, len(self.image_ids) - 1)] == detections.image_ids
        if not known.all():
            raise ValueError(f'{self.path} has no image {detections.image_ids[known.argmin()].item()!r}, of which there are '
                             'detections; evaluate against the annotations of the images that were tested')
        return detections._replace(image_ids=positions + 1)

    def judged(self, detections: Detections, category_ids: Sequence[int]) -> np.ndarray:
        """Tell which detections count: with ``style='lvis'`` those of classes in the image or among its negatives.

        Args:
            detections: n detections with image numbers.
            category_ids: Categories that are evaluated.

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
