"""What each rank and worker holds of every image is in arrays, not in Python objects (fault 23)."""

import numpy as np
import pytest

from imbdet.annotations import load_annotations
from imbdet.dataset_equity import DatasetEquityHook, read_likelihoods
from imbdet.evaluation import LongTailMetric
from imbdet.repeat_sampling import RepeatFactorSampler

from .dataset_equity.write_likelihoods import write_for
from .mipa.pairs_of_images import paired_dataset, write_pairs
from .tiny_detectors import tiny_detector
from .tiny_training import make_runner

NUM_IMAGES = 40


def long_containers(part, path=''):
    """Paths of the lists, tuples, dicts and sets in an object of ours that have an entry for each image."""
    found = [path] if isinstance(part, (list, tuple, dict, set)) and len(part) >= NUM_IMAGES else []
    if isinstance(part, dict):
        inside = part
    elif isinstance(part, (list, tuple, set)):
        inside = dict(enumerate(part))
    elif hasattr(part, '__struct_fields__'):  # of annotation files
        inside = {name: getattr(part, name) for name in part.__struct_fields__}
    else:
        inside = vars(part) if type(part).__module__.startswith('imbdet') and hasattr(part, '__dict__') else {}
    return found + [deeper for name, value in inside.items() if name != 'dataset'
                    for deeper in long_containers(value, f'{path}.{name}')]


@pytest.fixture
def components(tmp_path):
    """What imbdet keeps during a training on pairs, by name."""
    write_pairs(tmp_path, NUM_IMAGES, size=(64, 64), num_boxes=1)
    likelihoods = write_for(tmp_path, np.linspace(0, 1, NUM_IMAGES),
                            paths=np.array([f'visible/{index}.png' for index in range(NUM_IMAGES)]))
    hook = DatasetEquityHook(likelihoods)
    runner = make_runner(tmp_path, tiny_detector('retinanet'), train_dataloader=dict(
        batch_size=2, num_workers=0, dataset=paired_dataset(tmp_path, modality='rgb'),
        sampler=dict(type='RepeatFactorSampler', threshold=0.9, likelihoods=str(likelihoods))))
    hook.before_train(runner)
    metric = LongTailMetric(str(tmp_path / 'train.json'), style='coco', train_ann_file=str(tmp_path / 'train.json'))
    dataset = runner.train_dataloader.dataset
    mmdets = ('cat_img_map', 'pipeline', '_metainfo')
    own = {name: value for name, value in vars(dataset).items() if name not in mmdets}
    return {'sampler': runner.train_dataloader.sampler, 'equity': hook, 'metric': metric, 'data set': own,
            'file': read_likelihoods(likelihoods)}


def test_tables_of_images_are_arrays(components):
    assert len(components['sampler'].image_factors) == NUM_IMAGES
    assert isinstance(components['sampler'], RepeatFactorSampler)
    for name, component in components.items():
        assert long_containers(component) == [], name


def test_the_search_finds_lists(components, annotation_file):
    """In attributes, in dicts and as the content of annotation files."""
    components['sampler'].table = {'a': [0] * NUM_IMAGES}
    assert long_containers(components['sampler']) == ['.table.a']
    components['metric'].annotations = load_annotations(annotation_file(num_images=NUM_IMAGES))
    assert long_containers(components['metric']) == ['.annotations.images']
