import copy

import numpy as np

from imbdet.annotations.splitting import part_content, training_categories

CONTENT = {
    'info': {'year': 2007}, 'licenses': [{'id': 1}], 'extra': 'kept',
    'images': [{'id': 7, 'file_name': 'x', 'date': 1}, {'id': 'text'}, {'id': 3}],
    'annotations': [{'id': 1, 'image_id': 3, 'segmentation': [[0, 0, 1, 0, 1, 1]]}, {'id': 2, 'image_id': 7},
                    {'id': 3, 'image_id': 7.0}, {'id': 4, 'image_id': 'text'}],
    'categories': [{'id': 2, 'name': 'b'}, {'id': 1, 'name': 'a'}],
}


def test_images_and_annotations_keep_their_order_and_all_keys_are_kept():
    before = copy.deepcopy(CONTENT)
    part = part_content(CONTENT, {3, 7}, CONTENT['categories'])
    assert part == {**before, 'images': [before['images'][0], before['images'][2]], 'annotations': before['annotations'][:3]}
    assert list(part) == list(before)
    assert before == CONTENT


def test_lvis_keys_describe_the_training_part():
    categories = [{'id': 1, 'name': 'a', 'frequency': 'f', 'image_count': 200, 'instance_count': 300, 'synset': 'a.n.01'},
                  {'id': 2, 'name': 'b', 'image_count': 20}, {'id': 3, 'name': 'c'}]
    before = copy.deepcopy(categories)
    changed = training_categories(categories, np.array([100, 16, 4]), np.array([240, 16, 4]), ['c', 'c', 'r'])
    assert changed == [
        {'id': 1, 'name': 'a', 'frequency': 'c', 'image_count': 100, 'instance_count': 240, 'synset': 'a.n.01'},
        {'id': 2, 'name': 'b', 'image_count': 16}, {'id': 3, 'name': 'c'}]
    assert categories == before
