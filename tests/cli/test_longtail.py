"""The command on COCO and LVIS files, YOLO and VOC folders."""

import csv
import json
import os
from collections import Counter, defaultdict

import pytest
from mmdet.datasets import CocoDataset
from PIL import Image

from imbdet.cli import main

from ..annotations.formats.folders import voc_object, write_image, write_text


@pytest.fixture
def longtail(tmp_path, capsys):
    """A function that runs the command and returns what it printed, without line breaks, and wrote."""

    def run(source, *arguments, out=tmp_path / 'out' / 'tail.json'):
        main(['longtail', str(source), '--out', str(out), *map(str, arguments)])
        return *(' '.join(text.split()) for text in capsys.readouterr()), json.loads(out.read_text())

    return run


@pytest.fixture
def balanced(annotation_file):
    """40 images of each of three classes, some with a second box; a crowd box of class c in every image, and 3 bare images."""
    boxes = []
    for image in range(1, 121):
        boxes += [(image, (image - 1) // 40 + 1)] * (1 + image % 2)
        boxes.append({'image_id': image, 'category_id': 3, 'iscrowd': 1, 'segmentation': {'size': [100, 100], 'counts': 'x'}})
    return annotation_file(boxes, num_images=123, info={'year': 2024}, licenses=[])


def counts_of(content):
    """Images and boxes of each class, by loops."""
    images, boxes = defaultdict(set), Counter()
    names = {category['id']: category['name'] for category in content['categories']}
    for entry in content['annotations']:
        if not entry['iscrowd']:
            images[names[entry['category_id']]].add(entry['image_id'])
            boxes[names[entry['category_id']]] += 1
    return {name: len(ids) for name, ids in images.items()}, dict(boxes)


def test_targets_are_reached_and_all_else_stays(balanced, longtail, tmp_path):
    out, err, content = longtail(balanced, '--ratio', 10)
    before = json.loads(balanced.read_text())
    assert counts_of(content)[0] == {'a': 40, 'b': 13, 'c': 4}
    assert {key: content[key] for key in ('info', 'licenses', 'categories')} == {
        key: before[key] for key in ('info', 'licenses', 'categories')}
    ids = [image['id'] for image in content['images']]
    assert content['images'] == [image for image in before['images'] if image['id'] in ids]
    assert content['annotations'] == [entry for entry in before['annotations'] if entry['image_id'] in ids]
    assert {121, 122, 123} <= set(ids)
    assert '60 of 123 images and' in out
    assert 'a ratio of 10. Asked for: 10; before: 1.' in out
    assert '3 images without objects are all kept' in out
    assert err == ''


def test_the_csv_and_the_table_have_the_counts_of_the_files(balanced, longtail, tmp_path):
    out, _, content = longtail(balanced, '--ratio', 8, '--count', 'boxes', '--curve', 'pareto')
    with (tmp_path / 'out/tail.longtail.csv').open() as file:
        rows = list(csv.DictReader(file))
    (images_before, boxes_before), (images, boxes) = (counts_of(each) for each in (json.loads(balanced.read_text()), content))
    for row in rows:
        name = row['class']
        assert [int(row[key]) for key in ('images_before', 'boxes_before', 'images', 'boxes')] == [
            images_before[name], boxes_before[name], images[name], boxes[name]]
        assert f' {name} {boxes_before[name]} {row["target_boxes"]} {boxes[name]} ' in out
    assert [int(row['target_boxes']) for row in rows] == [60, round(60 / (1 + (8**(1 / 6) - 1) / 2)**6), round(60 / 8)]
    assert abs(boxes['c'] - 7.5) <= 1
    with Image.open(tmp_path / 'out/tail.longtail.png') as picture:
        picture.verify()


def test_the_same_twice_and_other_images_by_another_seed(balanced, longtail, tmp_path):
    texts = []
    for seed in (0, 0, 1):
        longtail(balanced, '--ratio', 10, '--seed', seed)
        texts.append((tmp_path / 'out/tail.json').read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_what_cannot_be_reached_is_said(annotation_file, longtail):
    path = annotation_file([*((image, 1) for image in range(1, 31)), (31, 2), *((image, 3) for image in range(32, 40))],
                           num_images=40, categories=('many', 'one', 'some', 'none'))
    out, _, content = longtail(path, '--ratio', 20)
    assert counts_of(content)[0] == {'many': 30, 'one': 1, 'some': 7}
    assert 'already as steep as asked for or steeper: 30 before' in out
    assert '1 of 4 classes have fewer images than their target: one.' in out
    assert '1 of 4 classes do not occur: none.' in out
    out, _, _ = longtail(path, '--ratio', 31)
    assert 'The ratio cannot be reached: it is more than the 30 images of the most frequent class' in out


def test_images_are_shared_by_classes(annotation_file, longtail):
    """Each image has class a and one other: removing the others removes a."""
    path = annotation_file([box for image in range(1, 31) for box in ((image, 1), (image, 2 + image % 2))], num_images=30)
    out, _, content = longtail(path, '--ratio', 10)
    images, _ = counts_of(content)
    assert images['a'] == images['b'] + images['c']
    assert 'Whole images are kept or removed, so targets are approximate' in out


def test_lvis_keys_describe_the_images_that_are_kept(annotation_file, longtail):
    categories = [{'id': number, 'name': name, 'frequency': 'f', 'image_count': 200, 'instance_count': 400, 'synset': name}
                  for number, name in enumerate(('a', 'b'), start=1)]
    path = annotation_file([(image, 1 + image % 2) for image in range(1, 301)], num_images=300, categories=categories)
    _, _, content = longtail(path, '--ratio', 30)
    assert content['categories'] == [
        {'id': 1, 'name': 'a', 'frequency': 'f', 'image_count': 150, 'instance_count': 150, 'synset': 'a'},
        {'id': 2, 'name': 'b', 'frequency': 'r', 'image_count': 5, 'instance_count': 5, 'synset': 'b'}]


def write_yolo(folder):
    for number in range(24):
        write_image(folder / f'images/train/{number:02}.png', (50, 40))
        write_text(folder / f'labels/train/{number:02}.txt', f'{number % 2} 0.5 0.5 0.5 0.5\n')
    write_image(folder / 'images/val/x.png', (50, 40))
    write_text(folder / 'data.yaml', 'train: images/train\nval: images/val\nnames: [cat, dog]')


def write_voc(folder):
    for number in range(24):
        write_image(folder / f'JPEGImages/{number:02}.jpg', (50, 40))
        text = voc_object(('cat', 'dog')[number % 2], (1, 2, 30, 40))
        text += voc_object('cat', (1, 2, 9, 9), '<difficult>1</difficult>')
        write_text(folder / f'Annotations/{number:02}.xml', f'<annotation>{text}</annotation>')
    write_text(folder / 'ImageSets/Main/train.txt', ''.join(f'{number:02}\n' for number in range(24)))
    write_text(folder / 'ImageSets/Main/val.txt', '00\n')


@pytest.mark.parametrize('write', [write_yolo, write_voc])
def test_folders(tmp_path, longtail, write, capsys):
    """mmdet finds the images of the file that is written."""
    write(tmp_path / 'set')
    _, err, content = longtail(tmp_path / 'set', '--ratio', 4, '--part', 'train')
    assert counts_of(content)[0] == {'cat': 12, 'dog': 3}
    assert 'warning' not in err
    dataset = CocoDataset(ann_file=str(tmp_path / 'out/tail.json'), data_prefix={'img': str(tmp_path / 'set')}, pipeline=[],
                          metainfo={'classes': ('cat', 'dog')})
    assert all(os.path.isfile(dataset.get_data_info(index)['img_path']) for index in range(len(dataset)))
    assert len(dataset) == 15
    with pytest.raises(SystemExit):
        longtail(tmp_path / 'set', '--ratio', 4)
    assert 'has several parts; choose one with --part: train, val' in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--ratio', '0.5'], 'ratio must be at least 1 and finite, got 0.5'), (['--ratio', 'nan'], 'got nan'),
    (['--ratio', '10', '--part', 'train'], 'train.json has no parts'),
    (['--ratio', '10', '--out', '{folder}/train.json'], 'train.json is the input; choose another file for --out'),
    (['--ratio', '10', '--out', '{folder}/link.json'], 'link.json is the input'),
    (['--ratio', '10', '--out', '{folder}/tail'], '--out must be a file that ends with .json')])
def test_wrong_arguments_write_nothing(balanced, tmp_path, capsys, arguments, message):
    (tmp_path / 'link.json').symlink_to(balanced)
    before = balanced.read_bytes()
    with pytest.raises(SystemExit):
        main(['longtail', str(balanced), '--out', str(tmp_path / 'out/tail.json'),
              *(argument.format(folder=tmp_path) for argument in arguments)])
    err = capsys.readouterr().err
    assert message in err
    assert err.count('\n') == 1
    assert balanced.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ['link.json', 'train.json']


@pytest.mark.parametrize(('boxes', 'message'), [
    ([{'id': 7}, {'id': 7}], 'or run imbdet fix'), ([{'iscrowd': 1}], 'no class occurs'),
    ([{'segmentation': [[1, 2, 3, 4, 5, float('nan')]]}], 'has NaN or infinite numbers, which are not JSON; run imbdet fix')])
def test_faulty_files_are_named_and_nothing_is_written(annotation_file, tmp_path, capsys, boxes, message):
    path = annotation_file(boxes)
    with pytest.raises(SystemExit):
        main(['longtail', str(path), '--ratio', '10', '--out', str(tmp_path / 'out/tail.json')])
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_boxes_that_mmdet_drops_do_not_count_and_are_said(annotation_file, longtail):
    path = annotation_file([*((image, 1) for image in range(1, 11)),
                            *({'image_id': image, 'category_id': 2, 'bbox': [0, 0, 0.5, 9]} for image in range(1, 11)),
                            (11, 2)], num_images=11)
    out, err, _ = longtail(path, '--ratio', 10)
    assert ' b 1 1 1 ' in out
    assert 'imbdet: warning:' in err
    assert '10 of 21 annotations are less than a pixel wide or high' in err
