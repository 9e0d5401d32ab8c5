"""Random ground truth and detections, as files for the reference libraries and as data samples for the metric."""

import json
from types import SimpleNamespace

import numpy as np
import torch
from pycocotools import mask as mask_utils

SIZE = 200


def random_box(rng):
    # Quarters of a pixel are exact in floating point, so x2 - x1 gives the width back to the last bit.
    width, height = rng.integers(4 * 8, 4 * 120, 2) / 4
    return [float(rng.integers(0, 4 * (SIZE - int(width) - 1)) / 4), float(rng.integers(0, 4 * (SIZE - int(height) - 1)) / 4),
            float(width), float(height)]


def jitter(box, rng):
    x, y, width, height = (value + float(rng.integers(-24, 24)) / 4 for value in box)
    return [max(x, 0.0), max(y, 0.0), max(width, 4.0), max(height, 4.0)]


def polygon(box):
    x, y, width, height = box
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def rle(box):
    encoded = mask_utils.merge(mask_utils.frPyObjects(polygon(box), SIZE, SIZE))
    return {'size': encoded['size'], 'counts': encoded['counts'].decode()}


def make_case(folder, seed=0, num_images=30, num_classes=9, detections_per_image=60):
    """Write ``truth.json``; return it with detections in COCO's form and the classes of ground truth.

    The last class but one has no ground truth, the last is never detected. Category ids descend in the file, have gaps
    and start above 1, so that labels, ids and positions all differ.
    """
    rng = np.random.default_rng(seed)
    ids = [3 * (num_classes - index) + 4 for index in range(num_classes)]
    images, annotations, detections = [], [], []
    for image_id in range(101, 101 + num_images):
        present = rng.choice(num_classes, 3, replace=False)
        present = present[present != num_classes - 2]
        absent = np.setdiff1d(np.arange(num_classes), present)
        images.append({'id': image_id, 'width': SIZE, 'height': SIZE, 'file_name': f'{image_id}.jpg',
                       'neg_category_ids': [ids[index] for index in rng.choice(absent, 3, replace=False)],
                       'not_exhaustive_category_ids': [ids[index] for index in present[rng.random(len(present)) < 0.3]]})
        boxes = [(index, random_box(rng)) for index in present for _ in range(rng.integers(1, 4))]
        for index, box in boxes:
            annotations.append({'id': len(annotations) + 1, 'image_id': image_id, 'category_id': ids[index], 'bbox': box,
                                'area': box[2] * box[3], 'segmentation': polygon(box), 'iscrowd': 0})
        found = [(index, jitter(box, rng)) for index, box in boxes for _ in range(2)]
        found += [(int(rng.integers(num_classes)), random_box(rng)) for _ in range(detections_per_image - len(found))]
        for index, box in found:
            if index != num_classes - 1:
                detections.append({'image_id': image_id, 'category_id': ids[index], 'bbox': box,
                                   'score': float(np.float32(rng.random()))})
    categories = [{'id': category_id, 'name': f'class_{index}', 'frequency': 'rrccfffff'[index % 9],
                   'image_count': (2, 9, 11, 90, 101, 200, 300, 400, 500)[index % 9], 'instance_count': 1000}
                  for index, category_id in enumerate(ids)]
    truth = {'info': {}, 'licenses': [], 'images': images, 'annotations': annotations, 'categories': categories}
    path = folder / 'truth.json'
    path.write_text(json.dumps(truth))
    return SimpleNamespace(path=path, truth=truth, detections=detections, category_ids=ids,
                           classes=tuple(category['name'] for category in categories))


def data_samples(case, with_masks=False):
    """Turn a case's detections into mmdet's data samples, one dict for each image."""
    samples = []
    for image in case.truth['images']:
        found = [detection for detection in case.detections if detection['image_id'] == image['id']]
        boxes = torch.tensor([detection['bbox'] for detection in found], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        instances = {'bboxes': boxes,
                     'scores': torch.tensor([detection['score'] for detection in found], dtype=torch.float32),
                     'labels': torch.tensor([case.category_ids.index(detection['category_id']) for detection in found],
                                            dtype=torch.int64)}
        if with_masks:
            masks = [mask_utils.decode(rle(detection['bbox'])) for detection in found]
            instances['masks'] = torch.tensor(np.array(masks).reshape(-1, SIZE, SIZE).astype(bool))
        samples.append({'img_id': image['id'], 'pred_instances': instances})
    return samples

