"""Small sets of image pairs, for tests."""

import json

import cv2
import numpy as np

CLASSES = ('a', 'b', 'c')
PACK = dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'modality'))


def write_pairs(folder, num_images=6, size=(96, 128), num_boxes=3, seed=0, ir_name='{}.png'):
    """Write visible/ and infrared/ images and train.json; return the folder.

    Boxes cover dark and bright rectangles in both images, so that a test can see where they went.

    Args:
        folder: Where to write.
        num_images: Number of pairs.
        size: Height and width.
        num_boxes: Boxes in each image, or how many in each of the images.
        seed: Seed.
        ir_name: Name of an infrared image, made of the visible one's stem.
    """
    rng = np.random.default_rng(seed)
    for name in ('visible', 'infrared'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    height, width = size
    images, annotations = [], []
    for image_id, number in enumerate(np.broadcast_to(num_boxes, num_images)):
        visible = rng.integers(100, 140, (height, width, 3), dtype=np.uint8)
        infrared = rng.integers(100, 140, (height, width), dtype=np.uint8)
        for _ in range(number):
            box_width, box_height = rng.integers(16, width // 3), rng.integers(16, height // 3)
            x, y = rng.integers(0, width - box_width), rng.integers(0, height - box_height)
            visible[y:y + box_height, x:x + box_width] = 10
            infrared[y:y + box_height, x:x + box_width] = 245
            annotations.append({'id': len(annotations) + 1, 'image_id': image_id, 'iscrowd': 0,
                                'category_id': int(rng.integers(0, 3)), 'area': int(box_width * box_height),
                                'bbox': [int(x), int(y), int(box_width), int(box_height)]})
        cv2.imwrite(str(folder / 'visible' / f'{image_id}.png'), visible)
        cv2.imwrite(str(folder / 'infrared' / ir_name.format(image_id)), infrared)
        images.append({'id': image_id, 'file_name': f'{image_id}.png', 'width': width, 'height': height})
    (folder / 'train.json').write_text(json.dumps({
        'images': images, 'annotations': annotations,
        'categories': [{'id': index, 'name': name} for index, name in enumerate(CLASSES)]}))
    return folder


def paired_dataset(folder, *transforms, modality='pair', **keys):
    """Config of the data set in a folder, with transforms between loading and packing."""
    return dict(
        type='PairedCocoDataset', data_root=str(folder), ann_file='train.json', modality=modality,
        data_prefix=dict(img='visible/', ir='infrared/'), metainfo=dict(classes=CLASSES), **keys,
        pipeline=[dict(type='LoadImagePair'), dict(type='LoadAnnotations', with_bbox=True), *transforms, PACK])
