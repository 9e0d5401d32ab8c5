"""The report holds what was counted; how it looks, a person has to see."""

import json

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoDataset

from imbdet.repeat_sampling import RepeatFactorSampler
from imbdet.reports.dataset.dataset_analysis import analyze_dataset
from imbdet.reports.dataset.imbalance_report import PICTURES, write_imbalance_report

from ..methods.test_equity_report import Page


def write(folder, *arguments, **keys):
    """Write a report; return its text, its page and its JSON."""
    text = write_imbalance_report(folder, analyze_dataset(*arguments, **keys))
    return text, Page(folder / 'index.html'), json.loads((folder / 'report.json').read_text())


def table(page, first):
    """The table of a page with this first column head, as dicts."""
    head, *rows = next(rows for rows in page.tables if rows[0][0] == first)
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture(scope='module')
def train(digits):
    return digits / 'annotations/digits_longtail_train.json'


@pytest.fixture(scope='module')
def report(tmp_path_factory, train):
    folder = tmp_path_factory.mktemp('report')
    return folder, *write(folder, train)


def test_files(report):
    folder, _, page, _ = report
    names = {f'{name}.png' for name in PICTURES} | {'index.html', 'report.json', 'suggestion.py'}
    assert {path.name for path in folder.iterdir()} == names
    assert len(page.links) == len(PICTURES)
    assert all(link.startswith('data:image/png;base64,') for link in page.links)
    for name in PICTURES:
        picture = cv2.imread(str(folder / f'{name}.png'))
        assert picture.shape[1] == 960
        assert len(np.unique(picture @ (1, 256, 65536))) > 20, name


def test_numbers_in_page_text_and_json_are_those_of_the_file(report, train):
    _, text, page, numbers = report
    content = json.loads(train.read_text())
    wanted = {category['name']: (category['image_count'], category['instance_count']) for category in content['categories']}
    assert {row['name']: (row['images'], row['boxes']) for row in numbers['classes']} == wanted
    assert {row['class']: (int(row['images']), int(row['boxes'])) for row in table(page, 'class')} == wanted
    names = ('rare', 'common', 'frequent')
    sizes = {name: [row for row in content['annotations'] if content['categories'][row['category_id'] - 1]['frequency']
                    == name[0]] for name in names}
    assert [category['id'] for category in content['categories']] == list(range(1, 21))
    for row in table(page, 'group')[:3]:
        assert int(row['all'].replace(',', '')) == len(sizes[row['group']])
        assert int(row['small'].replace(',', '')) == sum(box['area'] < 1024 for box in sizes[row['group']])
        assert numbers['box_sizes'][row['group'][0]]['small'] == sum(box['area'] < 1024 for box in sizes[row['group']])
    assert numbers['num_images'] == 600
    assert '600 images with 2,344 boxes of 20 classes: 6 rare, 7 common, 7 frequent' in page.text
    assert '600 images with 2,344 boxes of 20 classes: 6 rare, 7 common, 7 frequent' in text
    assert 'light_3' in text
    assert 'bursty' in {row['class']: row['bursty'] for row in table(page, 'class')}['light_3']


def test_epochs_are_the_samplers(report, train):
    _, _, page, numbers = report
    names = tuple(row['name'] for row in numbers['classes'])
    dataset = CocoDataset(ann_file=str(train), data_prefix=dict(img=''), metainfo=dict(classes=names), pipeline=[])
    rows = table(page, 'method')
    assert [(row['method'], row['chosen']) for row in rows] == [
        ('RFS', 'for 1.15'), ('IRFS', 'for 1.15'), ('RFS', 'papers'), ('IRFS', 'papers'), ('E-IRFS', 'papers')]
    for row, epoch in zip(rows, numbers['epochs'], strict=True):
        sampler = RepeatFactorSampler(dataset, method=row['method'].lower(), threshold=float(row['threshold']), seed=0)
        assert int(row['epoch']) == len(sampler) == epoch['length']
        assert int(row['classes above 1']) == (sampler.category_factors > 1).sum() == epoch['num_classes_repeated']
        assert int(row['images above 1']) == (sampler.image_factors > 1).sum() == epoch['num_images_repeated']
        assert epoch['largest_factor'] == sampler.category_factors.max()
        assert sum(epoch['expected_draws']['images']) == 600
        if row['method'] == 'IRFS' and epoch['for_target_length']:
            assert epoch['reaches_target_length'] is True
            assert abs(epoch['relative_length'] - 1.15) < 0.005
            assert [row['irfs_factor'] for row in numbers['classes']] == sampler.category_factors.tolist()
    assert numbers['epochs'][-1]['length'] == 600  # E-IRFS never changes it


def test_suggestion_is_everywhere(report):
    folder, text, page, numbers = report
    config = (folder / 'suggestion.py').read_text()
    assert config == numbers['suggestion']['config']
    assert config in text
    assert ' '.join(config.split()) in page.text
    assert all(reason in page.text for reason in numbers['suggestion']['reasons'])


def test_faulty_file(annotation_file, tmp_path):
    """All faults are listed, and what is left is counted."""
    boxes = [*[(image, 1) for image in range(1, 21)], (1, 2), dict(id=900, bbox=None),
             dict(id=901, bbox=[float('nan'), 1, 5, 5]), dict(id=902, bbox=[500, 1, 5, 5]), dict(id=903, image_id=77),
             dict(id=1, image_id=2)]
    text, page, numbers = write(tmp_path / 'out', annotation_file(boxes, num_images=20))
    rows = {row['fault']: (row['number'], row['what happens in mmdet'], row['first ten ids'])
            for row in table(page, 'fault')}
    assert rows == {
        'annotations without bbox': ('1', 'training cannot start', '900'),
        'duplicate annotation ids': ('1', 'training cannot start', '1'),
        'annotations that belong to an image that the file does not list': ('1', 'dropped silently', '903'),
        'annotations that have a NaN or infinite box': ('1', 'dropped silently', '901'),
        'annotations that lie outside their image': ('1', 'dropped silently', '902'),
        'images without coco_url': ('20', 'only LVISV1Dataset fails', '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...')}
    assert {fault['kind']: fault['ids'] for fault in numbers['faults']}['images without coco_url'] == list(range(1, 21))
    assert "1 annotations have no 'bbox' (annotation ids 900). mmdet needs it; add it to the file" in page.text
    assert [(row['images'], row['boxes']) for row in numbers['classes']] == [(20, 21), (1, 1), (0, 0)]
    assert numbers['num_faulty_boxes'] == 4
    assert 'Fix the file first' in text


@pytest.mark.parametrize('keys', [{}, dict(num_images=0), dict(num_images=0, categories=())])
def test_nothing_to_count(annotation_file, tmp_path, keys):
    text, page, numbers = write(tmp_path / 'out', annotation_file(**keys))
    assert page.pictures == {}
    assert numbers['epochs'] == []
    assert 'The file has no countable box' in text


def test_one_box(annotation_file, tmp_path):
    text, page, numbers = write(tmp_path / 'out', annotation_file([(1, 1)], num_images=1, categories=('only', )))
    assert len(page.pictures) == len(PICTURES)
    assert 'No threshold up to 1 makes an epoch of RFS and IRFS' in text
    assert numbers['epochs'][0]['reaches_target_length'] is False


def test_many_classes_and_odd_names(annotation_file, tmp_path):
    names = ['<b>', r'$\x$', 'a & b', *[f'class {index}' for index in range(200)]]
    boxes = [(1 + index % 50, 1 + index % (1 + index % 190)) for index in range(2000)]
    text, page, _ = write(tmp_path / 'out', annotation_file(boxes, num_images=50, categories=names))
    assert {row['class'] for row in table(page, 'class')} == set(names)
    assert 'b' not in page.tags
    assert '... and 183 more' in text
    heights = [cv2.imread(str(tmp_path / f'out/{name}.png')).shape[0] for name in PICTURES]
    assert max(heights) < 800


def test_few_classes_with_odd_names(annotation_file, tmp_path):
    _, page, _ = write(tmp_path / 'out', annotation_file([(1, 1), (2, 1), (2, 2)], categories=('<b>', r'$\x$', 'Tür')))
    assert len(page.pictures) == len(PICTURES)


@pytest.mark.parametrize('target', [0.9, float('nan')])
def test_target_length_out_of_range(annotation_file, target):
    with pytest.raises(ValueError, match='target length must be at least 1'):
        analyze_dataset(annotation_file([(1, 1)]), target_length=target)
