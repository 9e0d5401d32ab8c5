"""tools/data/kitti2coco.py on a small tree of KITTI's layout, against values worked by hand."""

import json
import re
import sys
from pathlib import Path

import pytest
from mmdet.registry import DATASETS, METRICS
from mmengine.config import Config
from PIL import Image

from imbdet.annotations import check_annotations, load_annotations
from imbdet.classes import file_counts
from imbdet.data import check_config

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/data/kitti2coco.py'
SIZES = {'000000': (64, 20), '000001': (62, 19), '000002': (64, 20), '000007': (64, 20)}
REST = '1.5 1.6 3.4 0.3 2.1 17.7 -1.6'  # h w l x y z rotation_y
LABELS = {
    '000000': f'''Car 0.25 2 -1.59 10.50 4.25 30.75 12.50 {REST}
Van 0.00 1 -1.59 40 5 50 15 {REST}
DontCare -1 -1 -10 0.5 1 4.5 3 -1 -1 -1 -1000 -1000 -1000 -10
''',
    '000001': f'''Pedestrian 0.00 0 0.1 -3 -2 7 18.5 {REST}
Person_sitting 0.00 0 0.1 20 2 24 8 {REST}
Truck 0.00 0 0.1 30 2 70 30 {REST}
''',
    '000002': f'Cyclist 0.00 3 2.48 8 4 20 16 {REST}\n\nTram 0 0 0 30 2 40 12 {REST}\n',
    '000007': '',
}


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('tools/data/kitti2coco.py')


@pytest.fixture
def kitti(tmp_path):
    root = tmp_path / 'kitti'
    for name in ('training/image_2', 'training/label_2', 'testing/image_2', 'ImageSets'):
        (root / name).mkdir(parents=True)
    for stem, size in SIZES.items():
        Image.new('RGB', size).save(root / f'training/image_2/{stem}.png')
        label_file(root, stem).write_text(LABELS[stem])
    Image.new('RGB', (64, 20)).save(root / 'testing/image_2/000099.png')
    write_split(root, '000000\n000001\n', '000002\n000007\n')
    return root


def label_file(root, stem):
    return root / f'training/label_2/{stem}.txt'


def write_split(root, train, val):
    (root / 'ImageSets/train.txt').write_text(train)
    (root / 'ImageSets/val.txt').write_text(val)


@pytest.fixture
def convert(tool, kitti, monkeypatch, capsys):
    """A function that runs the tool in this process and returns its output; by default on the split in ImageSets."""

    def run(*arguments, split=True, root=kitti):
        monkeypatch.setattr(sys, 'argv', ['kitti2coco.py', *map(str, (root, *arguments))]
                            + (['--split-folder', str(kitti / 'ImageSets')] if split else []))
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(convert, kitti, capsys):
    """A function that runs the tool on something wrong and returns the line that it ends in."""

    def run(*arguments, **keys):
        with pytest.raises(SystemExit) as end:
            convert(*arguments, **keys)
        assert end.value.code == 1
        assert not (kitti / 'annotations').exists()
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('imbdet: error: ')]
        assert len(lines) == 1
        return lines[0]

    return run


def content(root, name):
    return json.loads((root / f'annotations/kitti_{name}.json').read_text())


def boxes(root, name):
    """The boxes of a file by what they are; each key occurs once in the files of these tests."""
    return {(box['image_id'], box['category_id'], box['iscrowd'], *box['bbox']) for box in content(root, name)['annotations']}


def table(output):
    return {line.split()[0]: (int(line.split()[1]), ' '.join(line.split()[2:]))
            for line in output.splitlines() if re.match(r'[A-Z]\w+ +\d+  ', line)}


def test_content(convert, kitti):
    convert()
    train = content(kitti, 'train')
    assert train['categories'] == [{'id': 1, 'name': 'Car'}, {'id': 2, 'name': 'Pedestrian'}, {'id': 3, 'name': 'Cyclist'}]
    assert train['images'] == [{'id': 0, 'file_name': '000000.png', 'width': 64, 'height': 20},
                               {'id': 1, 'file_name': '000001.png', 'width': 62, 'height': 19}]
    assert train['annotations'] == [
        {'id': number, 'image_id': image, 'category_id': category, 'bbox': bbox, 'area': area, 'iscrowd': crowd,
         'truncated': truncated, 'occluded': occluded}
        for number, (image, category, bbox, area, crowd, truncated, occluded) in enumerate([
            (0, 1, [10.5, 4.25, 20.25, 8.25], 167.0625, 0, 0.25, 2),
            (0, 1, [40, 5, 10, 10], 100, 1, 0, 1),  # the Van
            (0, 1, [0.5, 1, 4, 2], 8, 1, -1, -1),  # DontCare, for each class
            (0, 2, [0.5, 1, 4, 2], 8, 1, -1, -1),
            (0, 3, [0.5, 1, 4, 2], 8, 1, -1, -1),
            (1, 2, [0, 0, 7, 18.5], 129.5, 0, 0, 0),  # clipped at the left and the top
            (1, 2, [20, 2, 4, 6], 24, 1, 0, 0),  # Person_sitting
        ], 1)]
    val = content(kitti, 'val')
    assert [image['id'] for image in val['images']] == [2, 7]
    assert boxes(kitti, 'val') == {(2, 3, 0, 8, 4, 12, 12)}


def test_imbdet_and_mmdet_read_it(convert, kitti, monkeypatch):
    """The shipped config finds the files, builds data sets and metric, and imbdet finds no fault."""
    convert()
    train = load_annotations(kitti / 'annotations/kitti_train.json')
    assert file_counts(train).images.tolist() == [1, 1, 0]
    assert check_annotations(kitti / 'annotations/kitti_train.json').lines() == []
    cfg = Config.fromfile(ROOT / 'configs/_base_/datasets/kitti_detection.py')
    (kitti.parent / 'data').mkdir()
    (kitti.parent / 'data/kitti').symlink_to(kitti)
    monkeypatch.chdir(kitti.parent)
    assert [report.lines() for report in check_config(cfg, ('train_dataloader', 'val_dataloader'))] == [[], []]
    first = DATASETS.build(cfg.train_dataloader.dataset)[0]
    instances = first['data_samples'].gt_instances
    assert first['inputs'].shape[1:] == (384, 1229)  # 20 x 64 by 19.2
    assert instances.labels.tolist() == [0]
    assert first['data_samples'].ignored_instances.labels.tolist() == [0, 0, 1, 2]
    assert len(DATASETS.build(cfg.val_dataloader.dataset)) == 2
    metric = METRICS.build(cfg.val_evaluator)
    assert metric.groups == {'Car': 'r', 'Pedestrian': 'r', 'Cyclist': 'r'}
    assert metric.image_counts == {'Car': 1, 'Pedestrian': 1, 'Cyclist': 0}


def test_table_tells_of_every_box(convert):
    output = convert()
    assert table(output) == {
        'Car': (1, 'object of Car'), 'Van': (1, 'ignored for Car'), 'Truck': (1, 'left out'),
        'Pedestrian': (1, 'object of Pedestrian'), 'Person_sitting': (1, 'ignored for Pedestrian'),
        'Cyclist': (1, 'object of Cyclist'), 'Tram': (1, 'left out'), 'Misc': (0, 'left out'),
        'DontCare': (1, 'ignored for Car, Pedestrian, Cyclist')}
    assert '2 boxes extended beyond their image and were clipped to it' in output
    assert 'kitti_train.json: 2 images, 2 objects, 5 ignored boxes' in output
    assert 'kitti_val.json: 2 images, 1 objects, 0 ignored boxes' in output
    assert 'skipped: 0' in output
    assert 'less than a pixel' not in output


def test_chosen_classes(convert, kitti):
    """Van is a class of its own, so it is not ignored; without Pedestrian, Person_sitting is left out."""
    output = convert('--classes', 'Van', 'Car')
    assert content(kitti, 'train')['categories'] == [{'id': 1, 'name': 'Van'}, {'id': 2, 'name': 'Car'}]
    assert boxes(kitti, 'train') == {(0, 1, 0, 40, 5, 10, 10), (0, 2, 0, 10.5, 4.25, 20.25, 8.25),
                                     (0, 1, 1, 0.5, 1, 4, 2), (0, 2, 1, 0.5, 1, 4, 2)}
    assert table(output)['Van'] == (1, 'object of Van')
    assert table(output)['Person_sitting'] == table(output)['Pedestrian'] == (1, 'left out')


def test_person_sitting_as_a_class(convert, kitti):
    convert('--classes', 'Pedestrian', 'Person_sitting')
    assert {box for box in boxes(kitti, 'train') if box[0] == 1} == {(1, 1, 0, 0, 0, 7, 18.5), (1, 2, 0, 20, 2, 4, 6)}


def test_clipping_at_each_side(convert, kitti):
    label_file(kitti, '000002').write_text(f'Car 0 0 0 60 18 64.5 20.5 {REST}\nCar 0 0 0 0 0 64 20 {REST}\n')
    assert '3 boxes extended beyond' in convert()  # with the two of 000001
    assert boxes(kitti, 'val') == {(2, 1, 0, 60, 18, 4, 2), (2, 1, 0, 0, 0, 64, 20)}


def test_objects_below_a_pixel_are_told(convert, kitti):
    label_file(kitti, '000002').write_text(f'Car 0 0 0 8 4 8.5 9 {REST}\nTram 0 0 0 8 4 8.5 9 {REST}\n')
    assert '1 objects are less than a pixel wide or high' in convert()
    assert len(load_annotations(kitti / 'annotations/kitti_val.json').annotations) == 1


def test_pixels_are_not_decoded(convert, kitti):
    path = kitti / 'training/image_2/000000.png'
    path.write_bytes(path.read_bytes()[:50])  # the header, which has 33 bytes, and the start of the pixels
    convert()
    assert content(kitti, 'train')['images'][0] == {'id': 0, 'file_name': '000000.png', 'width': 64, 'height': 20}


def test_images_in_neither_split_file_are_counted(convert, kitti):
    write_split(kitti, '000001\n\n', '000002 \r\n')
    label_file(kitti, '000000').write_text('not read')
    output = convert()
    assert 'skipped: 2' in output
    assert [image['id'] for image in content(kitti, 'train')['images']] == [1]
    assert [image['id'] for image in content(kitti, 'val')['images']] == [2]


def test_random_split(convert, kitti):
    """Every image is on one side, the share holds, the same seed gives the same split and another seed another one."""

    def validated(*arguments):
        output = convert(*arguments, split=False)
        assert 'random split' in output
        assert 'frames of one drive can be in both parts' in output
        train, val = ([image['id'] for image in content(kitti, name)['images']] for name in ('train', 'val'))
        assert sorted(train + val) == [0, 1, 2, 7]
        return val

    splits = [validated('--seed', seed) for seed in range(4)]
    assert {len(split) for split in splits} == {2}
    assert splits == [validated('--seed', seed) for seed in range(4)]
    assert splits[0] == validated()
    assert len({tuple(split) for split in splits}) > 1
    assert len(validated('--val-share', 0.26)) == 1
    assert len(validated('--val-share', 0.01)) == 1
    assert len(validated('--val-share', 0.99)) == 3


def test_as_a_process(kitti, run_python, tmp_path):
    process = run_python(TOOL, kitti, '--out', tmp_path / 'elsewhere', '--split-folder', kitti / 'ImageSets')
    assert process.returncode == 0, process.stderr
    assert sorted(path.name for path in (tmp_path / 'elsewhere').iterdir()) == ['kitti_train.json', 'kitti_val.json']
    assert not (kitti / 'annotations').exists()
    assert '%|' not in process.stderr  # no progress bar where there is no terminal
    wrong = run_python(TOOL, kitti / 'training')
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith('imbdet: error: FileNotFoundError: folder not found: ')
    assert 'Traceback' not in wrong.stderr


def test_verbose_shows_the_traceback(convert, kitti):
    with pytest.raises(FileNotFoundError):
        convert('--verbose', root=kitti / 'none')


@pytest.mark.parametrize(('line', 'message'), [
    (f'Car 0 0 0 1 2 3 4 {REST} 0.9',
     'a label must have 15 values (type truncated occluded alpha x1 y1 x2 y2 h w l x y z rotation_y), got 16; correct'),
    ('Car 0 0 0 1 2 3 4',
     'a label must have 15 values (type truncated occluded alpha x1 y1 x2 y2 h w l x y z rotation_y), got 8'),
    (f'Car 0 0 0 1 two 3 4 {REST}', "y1 must be a number, got 'two'"),
    (f'Car nan 0 0 1 2 3 4 {REST}', "truncated must be a number, got 'nan'"),
    (f'Car 0 0 0 1 2 inf 4 {REST}', "x2 must be a number, got 'inf'"),
    (f'Car 0 0.5 0 1 2 3 4 {REST}', "occluded is '0.5'; write 0, 1, 2 or 3"),
    (f'car 0 0 0 1 2 3 4 {REST}',
     "the type must be one of Car, Van, Truck, Pedestrian, Person_sitting, Cyclist, Tram, Misc, DontCare, got 'car'"),
    (f'Car 0 0 0 3 2 3 4 {REST}', 'the box from x 3 to 3 and y 2 to 4 has no positive size'),
    (f'Misc 0 0 0 1 4 3 2 {REST}', 'the box from x 1 to 3 and y 4 to 2 has no positive size'),
    (f'Car 0 0 0 64 2 70 4 {REST}', 'the box from x 64 to 70 and y 2 to 4 is outside its image of 64 x 20 pixels'),
    (f'Car 0 0 0 1 -4 3 0 {REST}', 'is outside its image of 64 x 20 pixels'),
])
def test_wrong_label_line(error, kitti, line, message):
    path = label_file(kitti, '000002')
    path.write_text(f'{LABELS["000002"]}{line}\n')
    found = error()
    assert f'AnnotationError: {path}, line 4: ' in found  # the second line is blank
    assert message in found


def test_label_that_is_no_text(error, kitti):
    label_file(kitti, '000000').write_bytes(b'\xff\xfe\x00Car')
    found = error()
    assert f'{label_file(kitti, "000000")}, line 1: a label must have 15 values' in found
    assert ', got 1; correct' in found


@pytest.mark.parametrize('name', ['image_2', 'label_2'])
def test_missing_folder(error, kitti, name):
    (kitti / 'training' / name).rename(kitti / 'moved')
    found = error()
    assert f'folder not found: {kitti / "training" / name}; unpack' in found


def test_no_images(error, kitti):
    for path in (kitti / 'training/image_2').iterdir():
        path.rename(path.with_suffix('.jpg'))
    assert f'no .png images in {kitti / "training/image_2"}; unpack' in error()


def test_image_without_label_file(error, kitti):
    label_file(kitti, '000001').unlink()
    label_file(kitti, '000007').unlink()
    assert f'{kitti / "training/image_2/000001.png"} has no label file (2 have none); add' in error()


def test_label_file_without_image(error, kitti):
    label_file(kitti, '000003').write_text('')
    assert f'{label_file(kitti, "000003")} has no image (1 have none); add' in error()


@pytest.mark.parametrize('name', ['image_2/00001.png', 'image_2/._000001.png', 'label_2/frame1.txt'])
def test_name_that_is_no_id(error, kitti, name):
    (kitti / 'training' / name).touch()
    assert f'{kitti / "training" / name}: the name is not six digits, as in 000123{Path(name).suffix}' in error()


def test_image_that_cannot_be_read(error, kitti):
    path = kitti / 'training/image_2/000001.png'
    path.write_bytes(b'')
    assert f'{path} is not a readable image; unpack or download it again' in error()


@pytest.mark.parametrize(('train', 'val', 'name', 'message'), [
    ('000000\n000009\n', '000002\n', 'train', ", line 2: there is no image '000009' in training/image_2"),
    ('000000\n', '000002\n2\n', 'val', ", line 2: there is no image '2' in training/image_2"),
    ('000000\n000001\n', '000002\n000001\n', 'val', ", line 2: image '000001' is listed already in {train}, line 2"),
    ('000000\n000000\n', '000002\n', 'train', ", line 2: image '000000' is listed already in {train}, line 1"),
    ('000000\n', '\n', 'val', ' contains no image'),
])
def test_wrong_split(error, kitti, train, val, name, message):
    write_split(kitti, train, val)
    folder = kitti / 'ImageSets'
    assert f'{folder / name}.txt{message.format(train=folder / "train.txt")}' in error()


@pytest.mark.parametrize('name', ['train', 'val'])
def test_missing_split_file(error, kitti, name):
    (kitti / f'ImageSets/{name}.txt').unlink()
    assert f'split file not found: {kitti / "ImageSets" / name}.txt; --split-folder must contain' in error()


@pytest.mark.parametrize('share', [0, 1, -0.5, 'nan'])
def test_wrong_share(error, share):
    assert re.search(r'--val-share must be between 0 and 1', error('--val-share', share, split=False))


def test_one_image_cannot_be_split(error, kitti):
    for stem in ('000001', '000002', '000007'):
        label_file(kitti, stem).unlink()
        (kitti / f'training/image_2/{stem}.png').unlink()
    assert 'image 000000 is the only one in training/image_2; a split needs at least two' in error(split=False)


@pytest.mark.parametrize(('classes', 'message'), [
    (['Car', 'car'], "--classes: KITTI has no class 'car'; choose from Car, Van,"),
    (['DontCare'], "--classes: KITTI has no class 'DontCare'; choose from"),
    (['Car', 'Van', 'Car'], '--classes: Car appears more than once'),
])
def test_wrong_classes(error, classes, message):
    assert message in error('--classes', *classes)
