"""Annotation files with random faults: a named error, or a report of just what mmdet drops (faults 12, 13, 14, 15 and 16)."""

import copy
import json
import math
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from mmdet.datasets import CocoDataset

from imbdet.annotations import AnnotationError, load_annotations
from imbdet.data import check_config
from imbdet.evaluation import LongTailMetric
from imbdet.repeat_sampling import RepeatFactorSampler
from imbdet.reports import analyze_dataset
from imbdet.reports.dataset.imbalance_report import as_json
from imbdet.reports.dataset.suggestion import suggest

NAMES = ('a', 'b', 'c', 'd')
SIZES = (0, 0.5, 30, 100, -5, -30, 1e9, math.nan, math.inf, -math.inf)
ODD = (None, True, -1, 0, 2, 0.5, math.nan, math.inf, '', '1', 'x', 'Tür', [], {}, [1, 2], [[1, 2]], 2**31, 2**63, -2**70)
ODD_BOXES = ([], [1, 2], [1, 2, 3, '4'], [None] * 4, [1, 2, 3, 4, 5], '10 10 20 20', [[1, 2, 3, 4]])


def mostly(sound, *others):
    """Sound values, one in six times another."""
    return st.integers(0, 5).flatmap(lambda number: st.sampled_from(others) if number == 5 else sound)


@st.composite
def sound_annotations(draw, identity, num_images, num_classes):
    """An annotation without a fault."""
    return {'id': identity, 'image_id': draw(st.integers(1, num_images)), 'category_id': draw(st.integers(1, num_classes)),
            'bbox': [20, 10, 20.5, 20], 'area': 400, 'iscrowd': 0}


@st.composite
def annotations(draw, *arguments):
    """An annotation, of whose values one may be odd, but is a value of its kind."""
    entry = draw(sound_annotations(*arguments))
    odd = draw(st.sampled_from(('', '', '', 'box', 'box', 'box', 'area', 'image_id', 'category_id', 'iscrowd', 'ignore')))
    if odd == 'box':
        entry['bbox'][draw(st.integers(0, 3))] = draw(st.sampled_from(SIZES))
    elif odd:
        entry[odd] = draw(st.sampled_from({'area': (0, -1, 0.5, math.nan, math.inf)}.get(odd, (1, 77))))
    return entry


@st.composite
def contents(draw, odd=True):
    """An annotation file, valid in structure; if annotations may be odd, mmdet drops some."""
    num_images, num_classes = draw(st.integers(1, 4)), draw(st.sampled_from((4, 4, 3)))
    annotated = annotations if odd else sound_annotations
    widths = st.sampled_from((100, 30, 100.5))
    return {
        'images': [{'id': index + 1, 'file_name': f'{index + 1}.jpg', 'width': draw(widths), 'height': 100,
                    'neg_category_ids': [], 'not_exhaustive_category_ids': []} for index in range(num_images)],
        'annotations': [draw(annotated(index + 1, num_images, num_classes)) for index in range(draw(st.integers(0, 8)))],
        'categories': [{'id': index + 1, 'name': name, 'frequency': 'f'} for index, name in enumerate(NAMES[:num_classes])]}


@st.composite
def broken(draw, content):
    """The content with a few faults of structure: keys left out, values of other types, entries twice, other orders."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        kind = draw(st.sampled_from(('images', 'annotations', 'categories')))
        entries = content.get(kind)
        fault = draw(st.sampled_from(('value', 'key', 'name', 'twice', 'order', 'list')))
        if fault == 'list':
            content[kind] = draw(st.sampled_from(ODD))
            if draw(st.booleans()):
                content.pop(kind)
        elif isinstance(entries, list) and entries:
            position = draw(st.integers(0, len(entries) - 1))
            if fault == 'twice':
                entries.insert(draw(st.integers(0, len(entries))), copy.deepcopy(entries[position]))
            elif fault == 'order':
                content[kind] = draw(st.permutations(entries))
            else:
                entries[position] = draw(broken_entries(entries[position], fault))
    return content


@st.composite
def broken_entries(draw, entry, fault):
    """An entry with a fault in one of its values."""
    if not isinstance(entry, dict) or not entry:
        return draw(st.sampled_from(ODD))
    if fault == 'name':
        return {**entry, 'name': draw(st.sampled_from(NAMES))}
    key = draw(st.sampled_from(sorted(entry)))
    rest = {other: value for other, value in entry.items() if other != key}
    values = ODD_BOXES if key == 'bbox' and draw(st.booleans()) else ODD
    return rest if fault == 'key' else {**rest, key: draw(st.sampled_from(values))}


@st.composite
def files(draw):
    """The bytes of a file."""
    text = json.dumps(draw(broken(draw(contents(odd=False)))), ensure_ascii=draw(st.booleans()))
    damage = draw(mostly(st.none(), 'half', 'mark', 'deep', 'utf-16', 'bytes', 'nothing', 'another'))
    return {None: text.encode(), 'half': text[:len(text) // 2].encode(), 'mark': b'\xef\xbb\xbf' + text.encode(),
            'deep': b'{"info": ' + b'[' * 200000, 'utf-16': text.encode('utf-16'), 'bytes': b'\x93NUMPY\xff' + text.encode(),
            'nothing': b'', 'another': text.replace('"images"', '"pictures"').encode()}[damage]


def use(path, classes, filter_cfg):
    """Check a config that trains on the file; return the report."""
    dataset = dict(type='CocoDataset', ann_file=str(path), metainfo=dict(classes=classes), filter_cfg=filter_cfg)
    report, = check_config({'train_dataloader': {'dataset': dataset}}, ('train_dataloader', ))
    return report


def held(dataset):
    """What a data set holds: image, box and name of each instance, crowds too."""
    names = dataset.metainfo['classes']
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return Counter((info['img_id'], tuple(instance['bbox']), names[instance['bbox_label']])
                   for info in infos for instance in info['instances'])


def expected(content, report, classes, image_ids):
    """What a data set should hold by the report: each annotation that is not dropped, under the name that the file has."""
    names = {category['id']: category['name'] for category in content['categories']}
    dropped = {annotation_id for ids in report.dropped.values() for annotation_id in ids}
    return Counter((box['image_id'], (box['bbox'][0], box['bbox'][1], box['bbox'][0] + box['bbox'][2],
                                      box['bbox'][1] + box['bbox'][3]), names[box['category_id']])
                   for box in content['annotations']
                   if box['id'] not in dropped and not box.get('ignore') and names[box['category_id']] in classes
                   and box['image_id'] in image_ids)


def survives(path, function, *arguments):
    """Call a function of a file; return what it returns, or None after an error, which has to name the file."""
    try:
        return function(path, *arguments)
    except AnnotationError as error:
        said = str(error)
    assert str(path) in said
    assert len(said) > len(str(path)) + 10
    return None


def report_numbers(path):
    """The imbalance report's numbers, as a file that any reader takes."""
    findings = analyze_dataset(path)
    return json.dumps(as_json(findings, suggest(findings, path.parent)), allow_nan=False)


def evaluate(path, style):
    """What the metric makes of two detections in each image."""
    content = load_annotations(path)
    names = [category.name for category in content.categories]
    metric = LongTailMetric(str(path), style=style, frequency=dict.fromkeys(names, 'f'))
    metric.dataset_meta = dict(classes=names)
    boxes = torch.tensor([1., 1., 20., 20.]).repeat(min(len(names), 2), 1)
    for image in content.images:
        found = dict(bboxes=boxes, scores=torch.full((len(boxes), ), 0.5), labels=torch.arange(len(boxes)))
        metric.process(None, [dict(img_id=image.id, pred_instances=found)])
    return metric.compute_metrics(metric.results)


ARGUMENTS = dict(
    classes=mostly(st.sampled_from((NAMES[:3], ('a', 'c'), NAMES)), ('b', 'a'), ('a', 'x'), ('a', 'a'), 'a', ()),
    filter_cfg=mostly(st.just({}), dict(filter_empty_gt=True), dict(filter_empty_gt=True, min_size=50)),
    style=st.sampled_from(('coco', 'lvis')))
SETTINGS = settings(max_examples=30, derandomize=True, deadline=None, database=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@SETTINGS
@given(content=files(), **ARGUMENTS)
def test_faults_of_structure(tmp_path, content, classes, filter_cfg, style):
    """Keys, types, entries, names, bytes: an error that names the file, unless nothing of it matters."""
    check_everything(tmp_path, content, classes, filter_cfg, style)


@SETTINGS
@given(content=contents().map(json.dumps).map(str.encode), **ARGUMENTS)
def test_faults_of_values(tmp_path, content, classes, filter_cfg, style):
    """A report of just what mmdet drops, and the rest under the file's names."""
    check_everything(tmp_path, content, classes, filter_cfg, style)


def check_everything(tmp_path, content, classes, filter_cfg, style):
    """Check, report, evaluate, build and sample a file."""
    path = tmp_path / 'random.json'
    path.write_bytes(content)
    assert survives(path, report_numbers) != '{}'
    report = survives(path, use, classes, filter_cfg)
    if report is None:
        return
    results = survives(path, evaluate, style)
    assert results is None or all(-1 <= value <= 1 for value in results.values())
    if not classes:
        return
    dataset = CocoDataset(ann_file=str(path), data_prefix=dict(img=''), metainfo=dict(classes=classes), pipeline=[],
                          filter_cfg=filter_cfg)
    image_ids = [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]
    assert all(math.isfinite(side) for _, box, _ in held(dataset) for side in box)
    assert held(dataset) == expected(json.loads(content), report, classes, image_ids)
    sampler = RepeatFactorSampler(dataset, threshold=0.9, seed=0)
    assert np.isfinite(sampler.image_factors).all()
    assert set(sampler) <= set(range(len(dataset)))
