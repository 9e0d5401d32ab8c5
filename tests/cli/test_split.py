import json

import numpy as np
import pytest
from mmdet.datasets import CocoDataset
from PIL import Image

from imbdet.cli import main

BOXES = [(image, 1 + image % 2) for image in range(1, 21)] + [(image, 3) for image in (3, 8, 11, 12)] + [(5, 4)]


@pytest.fixture
def split(tmp_path, capsys):
    """A function that runs the command, and returns what it printed and its JSON."""

    def run(*arguments, out=tmp_path / 'out'):
        main(['split', *map(str, arguments), '--out', str(out)])
        return capsys.readouterr().out, json.loads((out / 'split.json').read_text())

    return run


@pytest.fixture
def error(tmp_path, capsys):
    """A function that runs the command and returns its one-line error."""

    def run(*arguments, out=tmp_path / 'out'):
        with pytest.raises(SystemExit):
            main(['split', *map(str, arguments), '--out', str(out)])
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        return lines[0]

    return run


def read(path):
    return json.loads(path.read_text())


def image_ids(path):
    return [image['id'] for image in read(path)['images']]


def classes_of(path):
    return {box['category_id'] for box in read(path)['annotations'] if not box['iscrowd']}


def file_names(path):
    return {image['file_name'] for image in read(path)['images']}


def test_the_parts_together_are_the_file(annotation_file, split, tmp_path):
    source = annotation_file([*BOXES, {'image_id': 2, 'iscrowd': 1, 'segmentation': {'counts': 'x', 'size': [1, 1]}}], 24,
                             'abcd', info={'year': 2026}, licenses=[{'id': 1}])
    split(source, '--val', 0.25)
    whole, train, val = read(source), read(tmp_path / 'out/train.json'), read(tmp_path / 'out/val.json')
    assert len(val['images']) == 6
    for key in ('images', 'annotations'):
        assert sorted(train[key] + val[key], key=lambda entry: entry['id']) == whole[key]
    for part in (train, val):
        ids = {image['id'] for image in part['images']}
        assert part['annotations'] == [box for box in whole['annotations'] if box['image_id'] in ids]
        assert part['images'] == [image for image in whole['images'] if image['id'] in ids]
        assert {key: value for key, value in part.items() if key not in ('images', 'annotations')} == {
            'categories': whole['categories'], 'info': {'year': 2026}, 'licenses': [{'id': 1}]}
        assert list(part) == list(whole)


def test_every_class_with_two_images_is_in_both_parts_and_mmdet_reads_them(annotation_file, split, tmp_path):
    out, numbers = split(annotation_file(BOXES, 24, 'abcd'), '--val', 0.2)
    assert classes_of(tmp_path / 'out/train.json') == {1, 2, 3, 4}
    assert classes_of(tmp_path / 'out/val.json') == {1, 2, 3}
    assert numbers['split']['not_in_validation'] == 1
    assert 'd           1  validation  it is in one image' in out
    sizes = [len(CocoDataset(ann_file=str(tmp_path / 'out' / name), metainfo={'classes': tuple('abcd')},
                             data_prefix={'img': ''}, pipeline=[])) for name in ('train.json', 'val.json')]
    assert sizes == numbers['num_images'] == [19, 5]


def test_each_image_is_for_validation_in_one_fold(annotation_file, split, tmp_path):
    source = annotation_file(BOXES, 24, 'abcd')
    out, numbers = split(source, '--folds', 4)
    held = [image_ids(tmp_path / f'out/fold_{fold}/val.json') for fold in range(4)]
    assert sorted(image for ids in held for image in ids) == image_ids(source)
    for fold in range(4):
        assert image_ids(tmp_path / f'out/fold_{fold}/train.json') == [image for image in image_ids(source)
                                                                     if image not in held[fold]]
        assert {1, 2, 3} <= classes_of(tmp_path / f'out/fold_{fold}/val.json')
    assert numbers['num_images'] == [len(ids) for ids in held] == [6] * 4
    fold = next(fold for fold in range(4) if 5 in held[fold])
    others = ', '.join(str(other) for other in range(4) if other != fold)
    assert f'validation of folds {others}, training of fold {fold}' in out


@pytest.mark.parametrize('rule', [r'^\d', 'camera'])
def test_groups_are_not_divided(annotation_file, split, tmp_path, rule):
    source = annotation_file(BOXES, 24, 'abcd')
    content = read(source)
    for image in content['images']:
        image['camera'] = image['file_name'][0]
    source.write_text(json.dumps(content))
    out, numbers = split(source, '--val', 0.3, '--group-by', rule)
    train, val = ({name[0] for name in file_names(tmp_path / 'out' / part)} for part in ('train.json', 'val.json'))
    assert not train & val
    assert train | val == set('123456789')
    assert (numbers['num_groups'], numbers['largest_group'], numbers['group_by']) == (9, 11, rule)
    assert f'9 groups that are not divided (--group-by {rule})' in ' '.join(out.split())


def test_exact_copies_are_not_divided(annotation_file, split, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    rng = np.random.default_rng(0)
    source = annotation_file(BOXES, 24, 'abcd')
    content = read(source)
    for image in content['images']:
        Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(folder / image['file_name'])
    for image in content['images'][:8]:  # the same pixels in another format; the 9th to 16th image
        image['file_name'] = f'{image["id"]}.png'
        Image.open(folder / f'{image["id"]}.jpg').save(folder / image['file_name'])
        copied = content['images'][image['id'] + 7]
        copied['file_name'] = f'{copied["id"]}.bmp'
        Image.open(folder / image['file_name']).save(folder / copied['file_name'])
    almost = np.array(Image.open(folder / '1.png'))
    almost[3, 4, 1] ^= 1
    Image.fromarray(almost).save(folder / '17.png')
    content['images'][16]['file_name'] = '17.png'
    content['images'][17]['file_name'] = '19.jpg'  # twice in the file
    source.write_text(json.dumps(content))
    out, numbers = split(source, '--val', 0.5, '--images', folder)
    assert numbers['copies'] == [*([f'{first}.png', f'{first + 8}.bmp'] for first in range(1, 9)), ['19.jpg', '19.jpg']]
    assert numbers['num_groups'] == 15
    val = set(image_ids(tmp_path / 'out/val.json'))
    for first, second in [*zip(range(1, 9), range(9, 17), strict=True), (18, 19)]:
        assert (first in val) == (second in val)
    assert '18 images of the file are exact copies of 9 different ones' in out


def test_copies_that_make_a_class_indivisible_are_told(annotation_file, split):
    source = annotation_file([(1, 1), (2, 1), (3, 2), (4, 2)], 6, 'ab')
    content = read(source)
    content['images'][1]['file_name'] = content['images'][0]['file_name']
    source.write_text(json.dumps(content))
    out, _ = split(source, '--val', 0.4)
    assert 'a           2  validation  all its images are in one group' in out


@pytest.mark.parametrize('key', ['iscrowd', 'ignore'])
def test_ignored_boxes_do_not_count_and_stay_with_their_image(annotation_file, split, tmp_path, key):
    source = annotation_file([(1, 1), {'image_id': 2, key: 1}, (3, 2), (4, 2)], 6, 'ab')
    _, numbers = split(source, '--val', 0.4)
    assert numbers['classes'][0]['images'] == [1, 0]
    parts = [read(tmp_path / 'out' / name) for name in ('train.json', 'val.json')]
    assert sum(len(part['annotations']) for part in parts) == 4


def test_keys_of_lvis_describe_the_training_images(annotation_file, split, tmp_path):
    source = annotation_file([(image, 1) for image in range(1, 13)] + [(1, 1)], 15, [
        {'id': 1, 'name': 'a', 'frequency': 'c', 'image_count': 12, 'instance_count': 13, 'synonyms': ['a']}])
    split(source, '--val', 0.2)
    train = read(tmp_path / 'out/train.json')
    boxes = [box['image_id'] for box in train['annotations']]
    assert read(tmp_path / 'out/val.json')['categories'] == train['categories'] == [
        {'id': 1, 'name': 'a', 'frequency': 'r', 'image_count': len(set(boxes)), 'instance_count': len(boxes),
         'synonyms': ['a']}]
    assert len(set(boxes)) in (9, 10)


def test_a_yolo_data_set_is_divided(split, tmp_path):
    data = tmp_path / 'data'
    for folder in ('images', 'labels'):
        (data / folder).mkdir(parents=True)
    (data / 'classes.txt').write_text('a\nb\n')
    for number in range(10):
        Image.new('RGB', (20, 10), (number, number // 2, 0) if number < 8 else (99, 0, 0)).save(data / f'images/{number}.png')
        (data / f'labels/{number}.txt').write_text(f'{number % 2} 0.5 0.5 0.5 0.5\n')
    _, numbers = split(data, '--val', 0.2)
    assert [set(map(len, copies)) for copies in numbers['copies']] == [{len('images/8.png')}]
    assert file_names(tmp_path / 'out/train.json') | file_names(tmp_path / 'out/val.json') == {
        f'images/{number}.png' for number in range(10)}
    assert classes_of(tmp_path / 'out/val.json') == {1, 2}


def test_a_seed_repeats_and_overwrites_the_earlier_split(annotation_file, split, tmp_path):
    source = annotation_file(BOXES, 24, 'abcd')
    texts = []
    for seed in (1, 1, 2):
        split(source, '--val', 0.25, '--seed', seed)
        texts.append((tmp_path / 'out/val.json').read_bytes())
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--val', '1'), '--val must be a share of the images in (0, 1), such as 0.2, got 1 '),
    (('--val', 'nan'), '--val must be a share of the images in (0, 1), such as 0.2, got nan '),
    (('--folds', '1'), '--folds must be at least 2, got 1 '),
    (('--folds', '25'), '24 groups cannot be divided into 25 parts'),
    (('--val', '0.2', '--group-by', r'^\d\.'), r"15 of 24 images have a file name that does not match '^\d\.'"),
    (('--val', '0.2', '--group-by', 'video_id'), "no image has the key 'video_id'"),
    (('--val', '0.2', '--part', 'train'), 'leave --part out'),
    (('--val', '0.2', '--images', 'nowhere'), 'no such folder: nowhere'),
])
def test_wrong_arguments(annotation_file, error, tmp_path, arguments, message):
    assert message in error(annotation_file(BOXES, 24, 'abcd'), *arguments)
    assert not (tmp_path / 'out').exists()


def test_val_and_folds_exclude_each_other(capsys):
    for arguments in (['--val', '0.2', '--folds', '3'], []):
        with pytest.raises(SystemExit):
            main(['split', 'x.json', *arguments, '--out', 'y'])
        assert '--val' in capsys.readouterr().err


@pytest.mark.parametrize(('boxes', 'message'), [
    ([{'bbox': None}], '; or run imbdet fix {source}'),
    ([{'image_id': 99}], '1 annotations belong to images that the file does not list, and so to no part; run imbdet fix'),
])
def test_faulty_files_are_to_be_fixed_first(annotation_file, error, tmp_path, boxes, message):
    source = annotation_file([*BOXES, *boxes], 24, 'abcd')
    assert message.format(source=source) in error(source, '--val', 0.2)
    assert not (tmp_path / 'out').exists()


def test_boxes_that_mmdet_drops_do_not_count_and_are_told(annotation_file, split):
    outside = {'image_id': 2, 'bbox': [200, 0, 5, 5]}
    out, numbers = split(annotation_file([(1, 1), outside, (3, 2), (4, 2)], 6, 'ab'), '--val', 0.4)
    assert numbers['classes'][0]['images'] == [1, 0]
    assert '1 of 4 annotations lie outside their image' in ' '.join(out.split())


def test_a_broken_image_is_named(annotation_file, error, tmp_path):
    source = annotation_file(BOXES, 24, 'abcd')
    for number in range(1, 25):
        (tmp_path / f'{number}.jpg').write_bytes(b'no image')
    assert 'cannot be decoded' in error(source, '--val', 0.2, '--images', tmp_path)


@pytest.mark.parametrize(('file', 'message'), [
    ('train.json', 'exists and is not from imbdet split; choose another folder'),
    ('index.html', 'exists and is not from imbdet split; choose another folder'),
    ('fold_1/val.json', 'fold_1/val.json is of an earlier split of another kind; remove it'),
])
def test_other_files_are_not_overwritten(annotation_file, error, tmp_path, file, message):
    (tmp_path / 'out' / file).parent.mkdir(parents=True)
    (tmp_path / 'out' / file).write_text('precious')
    assert message in error(annotation_file(BOXES, 24, 'abcd'), '--val', 0.2)
    assert [path.read_text() for path in (tmp_path / 'out').rglob('*.*')] == ['precious']


def test_the_input_is_not_overwritten(annotation_file, error, tmp_path):
    source = annotation_file(BOXES, 24, 'abcd')
    before = source.read_bytes()
    assert 'train.json is the input' in error(source, '--val', 0.2, out=tmp_path)
    assert source.read_bytes() == before


def test_folds_of_an_earlier_split_are_not_left_beside_the_new_one(annotation_file, split, error):
    source = annotation_file(BOXES, 24, 'abcd')
    split(source, '--folds', 3)
    assert 'fold_2/train.json is of an earlier split of another kind' in error(source, '--folds', 2)
