"""What matters about single data set classes, each tried before it is said."""

import json
import re
from pathlib import Path

from data_set_checks import (
    Case,
    build,
    captured_log,
    check_counts,
    check_metric,
    check_of_built,
    check_of_config,
    check_sampler,
)
from data_set_files import write_coco, write_json
from mmdet.datasets import LVISV05Dataset
from mmdet.registry import DATASETS

from imbdet.annotations import AnnotationError
from imbdet.classes import dataset_counts
from imbdet.data import check_config
from imbdet.repeat_sampling import RepeatFactorSampler


def _check_other_file(case: Case, content: dict) -> str:
    """Check the config with another annotation file.

    Returns:
        The message of the error; empty if there is none.
    """
    file = write_json(case.written.file.with_name('other.json'), content)
    try:
        check_config({'train_dataloader': {'dataset': {**case.written.config, 'ann_file': file.name}}}, ('train_dataloader', ))
    except AnnotationError as error:
        return str(error)
    return ''


def other_classes(case: Case) -> str:
    """Try a file with other classes, as those without a data set class of mmdet have it."""
    folder = Path(case.written.config['data_root'], 'other')
    folder.mkdir()
    written = write_coco(folder, case.kind, ['pedestrian', 'rider', 'sitting person', 'person (other)', 'people', 'ignore'])
    other = Case(case.kind, written, build(written.config))
    found = [check(other) for check in (check_sampler, check_of_config, check_of_built, check_counts)]
    assert found == ['yes'] * 4
    assert check_metric(other).startswith('AP 1')
    assert not [name for name in DATASETS.module_dict if name.lower().startswith('cityperson')]
    return 'the same with other classes in metainfo, for example for CityPersons, for which mmdet has no class'


def file_without_background(case: Case) -> str:
    """Leave out the first of iSAID's classes."""
    content = json.loads(case.written.file.read_text())
    first, *content['categories'] = content['categories']
    content['annotations'] = [box for box in content['annotations'] if box['category_id'] != first['id']]
    message = _check_other_file(case, content)
    assert first['name'] == 'background'
    assert 'background' in message
    return f"its first class is `background`; a file without it, which would shift all labels, is refused: {message}"


def ascending_ids(case: Case) -> str:
    """Check that the categories of the file were in another order than their ids."""
    ids = [category['id'] for category in json.loads(case.written.file.read_text())['categories']]
    assert ids != sorted(ids) == list(case.dataset.cat2label)
    return 'numbers labels by ascending category id; the test file has another order'


def classes_of_a_text_file(case: Case) -> str:
    """Check that the config that was tried names no classes."""
    assert 'metainfo' not in case.written.config
    return 'takes its classes from the text file `label_file`'


def alias(case: Case) -> str:
    """Check which class it is."""
    assert case.kind is LVISV05Dataset
    return 'another name of LVISV05Dataset'


def other_spelling(case: Case) -> str:
    """Rename a category of the file, as LVIS v1 spells one otherwise than mmdet does."""
    content = json.loads(case.written.file.read_text())
    content['categories'][1]['name'] += '_in_the_file'
    assert not _check_other_file(case, content)
    return "mmdet's own list of classes may spell names differently from the file"


def boxes_of_things(case: Case) -> str:
    """Check that no box of stuff is counted."""
    stuff = [case.written.names.index(name) for name in case.kind.METAINFO['stuff_classes']]  # type: ignore[attr-defined]
    assert not dataset_counts(case.dataset).boxes[stuff].any()
    return 'only things have boxes; stuff is not counted'


def misspelled_class(case: Case) -> str:
    """Misspell a class that has boxes."""
    first, *rest = case.written.names
    dataset = build({**case.written.config, 'metainfo': {'classes': [f'{first}x', *rest]}})
    assert dataset_counts(dataset).boxes[0] == 0
    with captured_log() as lines:
        RepeatFactorSampler(dataset, seed=0)
    assert any(re.search(rf'classes have no training image.*\b{first}x\b', line) for line in lines)
    return 'a misspelled class loses its boxes; RepeatFactorSampler warns that it has no image'


def classes_of_label_file(case: Case) -> str:
    """Check that the config's classes do not count, and that boxes of groups do."""
    dataset = build({**case.written.config, 'metainfo': {'classes': ['x', *case.written.names[1:]]}})
    assert list(dataset.metainfo['classes']) == case.written.names
    boxes = [box for index in range(len(dataset)) for box in dataset.get_data_info(index)['instances']]
    assert any(box.get('is_group_of') or box.get('is_group_ofs') for box in boxes)
    assert dataset_counts(dataset).boxes.sum() == len(boxes)
    return 'takes its classes from `label_file`, whatever the config says; boxes of groups count'


def classes_given(case: Case) -> str:
    """Give classes to a data set that has none."""
    named = case._replace(dataset=build({**case.written.config, 'metainfo': {'classes': case.written.names}}))
    messages = []
    for check in (check_counts, check_sampler):
        try:
            check(named)
        except ValueError as error:
            messages.append(str(error))
    if messages:
        unnamed = [message for message in messages if case.kind.__name__ not in message]
        found = f'GAP: refused without the data set: {unnamed[0]}' if unnamed else f'refused: {messages[0]}'
        return f'its labels are the category ids of the file; with metainfo=dict(classes=...) {found}'
    assert 'img_id' not in named.dataset.get_data_info(0)
    return 'with metainfo=dict(classes=...), sampler and counts: yes; its images have no id, which evaluation needs'
