"""Pooled AP (AP^pool): ground truth and detections in which all classes share one ranking."""

from collections.abc import Sequence

import numpy as np

from imbdet.evaluation.detections import Detections
from imbdet.evaluation.ground_truth import GroundTruth

POOLED_CATEGORY = 1


def pool_classes(ground_truth: GroundTruth, detections: Detections, category_ids: Sequence[int]) -> tuple[dict, Detections]:
    r"""Convert every pair of image and class to a separate image with a single class.

    The AP of that single class is :math:`\mathrm{AP}^\mathrm{pool}` (arXiv 2102.01066): detections are matched within their
    image and class as usual, but all of them are in one precision-recall curve, so that scores have to be comparable across
    classes.

    Args:
        ground_truth: The ground truth.
        detections: Detections with image numbers.
        category_ids: Categories to evaluate.

    Returns:
        Content and detections, to be evaluated with category 1 only.
    """
    judged = detections.take(np.flatnonzero(ground_truth.is_evaluated(detections, category_ids)))
    content = ground_truth.content
    wanted = set(category_ids)
    boxes = [box for box in content['annotations'] if box['category_id'] in wanted]
    pairs = np.concatenate([
        np.array([(box['image_id'], box['category_id']) for box in boxes], dtype=np.int64).reshape(-1, 2),
        np.column_stack([judged.image_ids, judged.category_ids])])
    unique, places = np.unique(pairs, axis=0, return_inverse=True)
    numbers = places.ravel() + 1
    images = {image['id']: image for image in content['images']}
    pooled_images = []
    for number, (image_id, category_id) in enumerate(unique.tolist(), start=1):
        image = images[image_id]
        open_ended = category_id in (image.get('not_exhaustive_category_ids') or ())
        pooled_images.append({**image, 'id': number, 'neg_category_ids': [POOLED_CATEGORY],
                              'not_exhaustive_category_ids': [POOLED_CATEGORY] if open_ended else []})
    pooled_boxes = [{**box, 'image_id': number, 'category_id': POOLED_CATEGORY}
                    for box, number in zip(boxes, numbers.tolist(), strict=False)]
    return ({**content, 'images': pooled_images, 'annotations': pooled_boxes,
             'categories': [{'id': POOLED_CATEGORY, 'name': 'all classes', 'frequency': 'f'}]},
            judged._replace(image_ids=numbers[len(boxes):], category_ids=np.full(len(judged.scores), POOLED_CATEGORY)))
