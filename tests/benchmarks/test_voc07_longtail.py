"""benchmarks/data/voc07_longtail.py on a tiny archive of VOC's layout, against values worked by hand."""

import csv
import json
import sys
import tarfile
from pathlib import Path

import pytest
from mmdet.datasets import VOCDataset
from PIL import Image, ImageDraw

from imbdet.annotations import check_annotations

ROOT = Path(__file__).parents[2]
STORED = ROOT / 'benchmarks/data/voc07_longtail'
CLASSES = ('cat', 'dog', 'hen')
COLORS = {'cat': (200, 0, 0), 'dog': (0, 200, 0), 'hen': (0, 0, 200)}
# Name, size and objects: class, xmin, ymin, xmax, ymax, difficult. Only 000012 keeps its size.
IMAGES = {
    '000001': ((500, 250), [('dog', 1, 1, 500, 250, 0), ('cat', 51, 26, 150, 125, 0)]),
    '000007': ((160, 240), [('cat', 31, 61, 90, 180, 1), ('hen', 11, 5, 150, 40, 0), ('hen', 11, 190, 150, 230, 0)]),
    '000012': ((320, 64), [('hen', 101, 11, 300, 60, 0)]),
    '000300': ((90, 80), [('cat', 1, 1, 9, 9, 0)]),
}
COUNTS = [['class', 'train_images', 'train_boxes', 'train_difficult', 'val_images', 'val_boxes', 'val_difficult'],
          ['cat', 1, 1, 1, 0, 0, 0], ['dog', 1, 1, 0, 0, 0, 0], ['hen', 1, 2, 0, 1, 1, 0]]


def xml(objects):
    head = '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>'
    items = [f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>'
             f'<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>{head}</object>' for name, x1, y1, x2, y2, difficult in objects]
    return f'<annotation>{"".join(items)}</annotation>'


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / 'VOCdevkit/VOC2007'
    for kind in ('Annotations', 'JPEGImages', 'ImageSets'):
        (folder / kind).mkdir(parents=True)
    for name, (size, objects) in IMAGES.items():
        (folder / f'Annotations/{name}.xml').write_text(xml(objects))
        image = Image.new('RGB', size, (128, 128, 128))
        for label, x1, y1, x2, y2, _ in objects:
            ImageDraw.Draw(image).rectangle((x1 - 1, y1 - 1, x2 - 1, y2 - 1), COLORS[label])
        image.save(folder / f'JPEGImages/{name}.jpg', quality=95)
    return folder


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / 'lists'
    folder.mkdir()
    (folder / 'train.txt').write_text('000001\n000007\n')
    (folder / 'val.txt').write_text('000012\n')
    with (folder / 'counts.csv').open('w', newline='') as file:
        csv.writer(file).writerows(COUNTS)
    return folder


@pytest.fixture
def archive(voc):
    """A function that archives the folder, as it is then."""

    def write():
        with tarfile.open(voc.parents[1] / 'VOCtest.tar', 'w') as tar:
            tar.add(voc.parent, 'VOCdevkit')
        return voc.parents[1] / 'VOCtest.tar'

    return write


@pytest.fixture
def make(load_tool, lists, tmp_path, monkeypatch, capsys):
    """A function that runs the script in this process and returns its output."""
    tool = load_tool('benchmarks/data/voc07_longtail.py')

    def run(source, out=tmp_path / 'data/out'):
        monkeypatch.setattr(sys, 'argv', ['voc07_longtail.py', str(source), '--out', str(out), '--lists', str(lists)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(make, tmp_path, capsys):
    """A function that runs the script on something wrong and returns the line that it ends in; nothing may be left."""

    def run(source):
        with pytest.raises(SystemExit):
            make(source)
        assert list(tmp_path.glob('data/*')) == list(tmp_path.glob('data/.*')) == []
        return capsys.readouterr().err.splitlines()[-1]

    return run


def content(folder, part):
    return json.loads((folder / f'{part}.json').read_text())


def test_boxes_by_hand(make, archive, tmp_path):
    output = make(archive())
    made = tmp_path / 'data/out'
    assert sorted(path.name for path in made.iterdir()) == ['images', 'train.json', 'val.json']
    assert sorted(path.name for path in (made / 'images').iterdir()) == ['000001.jpg', '000007.jpg', '000012.jpg']
    categories = [{'id': number, 'name': name} for number, name in enumerate(CLASSES, 1)]
    info = {'description': 'PASCAL VOC2007 test images, resized to 320'}
    assert content(made, 'train') == {
        'info': info, 'categories': categories,
        'images': [{'id': 1, 'file_name': '000001.jpg', 'width': 320, 'height': 160},
                   {'id': 7, 'file_name': '000007.jpg', 'width': 213, 'height': 320}],
        'annotations': [
            {'id': 1, 'image_id': 1, 'category_id': 2, 'bbox': [0, 0, 320, 160], 'area': 51200, 'iscrowd': 0, 'difficult': 0},
            {'id': 2, 'image_id': 1, 'category_id': 1, 'bbox': [32, 16, 64, 64], 'area': 4096, 'iscrowd': 0, 'difficult': 0},
            {'id': 3, 'image_id': 7, 'category_id': 1, 'bbox': [39.94, 80, 79.88, 160], 'area': 12780, 'iscrowd': 1,
             'difficult': 1},
            {'id': 4, 'image_id': 7, 'category_id': 3, 'bbox': [13.31, 5.33, 186.38, 48], 'area': 8946, 'iscrowd': 0,
             'difficult': 0},
            {'id': 5, 'image_id': 7, 'category_id': 3, 'bbox': [13.31, 252, 186.38, 54.67], 'area': 10188.5, 'iscrowd': 0,
             'difficult': 0}]}
    assert content(made, 'val') == {
        'info': info, 'categories': categories,
        'images': [{'id': 12, 'file_name': '000012.jpg', 'width': 320, 'height': 64}],
        'annotations': [{'id': 1, 'image_id': 12, 'category_id': 3, 'bbox': [100, 10, 200, 50], 'area': 10000, 'iscrowd': 0,
                         'difficult': 0}]}
    assert 'train.json: 2 images, 4 objects, 1 difficult ones' in output
    assert 'val.json: 1 images, 1 objects, 0 difficult ones' in output
    assert 'images and boxes of each class are those of' in output


def test_boxes_are_where_the_objects_are(make, archive, tmp_path):
    make(archive())
    seen = 0
    for part in ('train', 'val'):
        found = content(tmp_path / 'data/out', part)
        sizes = {image['id']: (image['width'], image['height']) for image in found['images']}
        for box in (box for box in found['annotations'] if box['category_id'] != 2):  # the dog covers its image
            with Image.open(tmp_path / f'data/out/images/{box["image_id"]:06d}.jpg') as image:
                assert image.size == sizes[box['image_id']]
                x, y, width, height = box['bbox']
                middle = image.getpixel((round(x + width / 2), round(y + height / 2)))
                for inside, place in [(True, (x + 2.5, y + 2.5)), (True, (x + width - 3.5, y + height - 3.5)),
                                      (False, (x - 3.5, y - 3.5)), (False, (x + width + 2.5, y + height + 2.5))]:
                    pixel = image.getpixel((round(place[0]), round(place[1])))
                    assert (max(abs(a - b) for a, b in zip(pixel, middle, strict=True)) < 60) == inside
                    seen += 1
    assert seen == 5 * 4


def test_imbdet_finds_no_fault(make, archive, tmp_path):
    make(archive())
    for part in ('train', 'val'):
        assert check_annotations(tmp_path / f'data/out/{part}.json', CLASSES).lines() == []


@pytest.mark.parametrize('level', ['VOC2007', 'VOCdevkit', '.'])
def test_an_unpacked_archive_gives_the_same(make, archive, voc, tmp_path, level):
    make(archive())
    make({'VOC2007': voc, 'VOCdevkit': voc.parent, '.': tmp_path}[level], tmp_path / 'data/other')
    for path in ('train.json', 'val.json', 'images/000001.jpg', 'images/000007.jpg', 'images/000012.jpg'):
        assert (tmp_path / 'data/out' / path).read_bytes() == (tmp_path / 'data/other' / path).read_bytes()
    assert list(tmp_path.glob('data/.*')) == []


@pytest.mark.parametrize('name', ['Annotations/000007.xml', 'JPEGImages/000012.jpg'])
def test_missing_files(error, archive, voc, name):
    (voc / name).unlink()
    path = archive()
    assert f'FileNotFoundError: {path} has no {name}; it is incomplete or not VOCtest_06-Nov-2007.tar' in error(path)
    assert f'FileNotFoundError: {voc} has no {name}' in error(voc)


def test_files_of_other_images_are_not_needed(make, archive, voc):
    for path in ('Annotations/000300.xml', 'JPEGImages/000300.jpg'):
        (voc / path).unlink()
    assert 'train.json: 2 images' in make(archive())


@pytest.mark.parametrize(('line', 'counts', 'message'), [
    (1, ['cat', 1, 1, 0, 0, 0, 0], "class 'cat': train_difficult must be 0, got 1"),
    (1, ['cat', 2, 1, 1, 0, 0, 0], "class 'cat': train_images must be 2, got 1"),
    (3, ['hen', 1, 2, 0, 1, 3, 0], "class 'hen': val_boxes must be 3, got 1"),
    (3, ['hen', 1, 1, 0, 1, 1, 0], "class 'hen': train_boxes must be 1, got 2"),
])
def test_other_counts_than_stored(error, archive, lists, line, counts, message):
    with (lists / 'counts.csv').open('w', newline='') as file:
        csv.writer(file).writerows([*COUNTS[:line], counts, *COUNTS[line + 1:]])
    assert f'ValueError: {message}; the labels are not those of VOCtest_06-Nov-2007.tar' in error(archive())


def test_unknown_class(error, archive, voc):
    (voc / 'Annotations/000012.xml').write_text(xml([('cow', 1, 1, 5, 5, 0)]))
    assert "AnnotationError: Annotations/000012.xml: unknown class 'cow'" in error(archive())


def test_wrong_labels(error, archive, voc):
    (voc / 'Annotations/000012.xml').write_text('<annotation>')
    assert 'Annotations/000012.xml is not XML' in error(archive())


@pytest.mark.parametrize('kept', [0, 30, 700])  # of about 4,000 bytes: nothing, a part of the header, a part of the pixels
def test_broken_image(error, archive, voc, kept):
    path = voc / 'JPEGImages/000007.jpg'
    path.write_bytes(path.read_bytes()[:kept])
    assert 'ValueError: 000007.jpg is not a readable image; unpack or download the archive again' in error(archive())


def test_broken_archives(error, archive, tmp_path):
    path = archive()
    with tarfile.open(path) as tar:
        middle = tar.getmember('VOCdevkit/VOC2007/JPEGImages/000007.jpg').offset_data + 100
    path.write_bytes(path.read_bytes()[:middle])
    assert f'ValueError: {path} is not a readable archive (' in error(path)
    path.write_text('<html>moved</html>')
    assert f'ValueError: {path} is not a readable archive (' in error(path)
    path.unlink()
    assert f'FileNotFoundError: archive not found: {path}; download VOCtest_06-Nov-2007.tar' in error(path)
    (tmp_path / 'empty').mkdir()
    assert f'FileNotFoundError: {tmp_path / "empty"} has no folder VOC2007' in error(tmp_path / 'empty')


def test_wrong_name_in_a_list(error, archive, lists):
    (lists / 'val.txt').write_text('000012.jpg\n')
    assert f"ValueError: {lists / 'val.txt'}: '000012.jpg' is not the name of a VOC 2007 image" in error(archive())


def test_an_existing_folder_stays(make, archive, tmp_path, capsys):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/out').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(SystemExit):
        make(archive())
    assert f'FileExistsError: {tmp_path / "data/out"} exists already; remove it' in capsys.readouterr().err
    assert (tmp_path / 'data/out').is_symlink()


def test_as_a_process(run_python, archive, lists, tmp_path):
    script = ROOT / 'benchmarks/data/voc07_longtail.py'
    process = run_python(script, archive(), '--out', tmp_path / 'made', '--lists', lists)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / 'made').stat().st_mode == (tmp_path / 'made/images').stat().st_mode  # not that of a temporary folder
    assert '%|' not in process.stderr  # no progress bar where there is no terminal


def test_the_stored_lists_and_counts_agree():
    train, val = ((STORED / f'{part}.txt').read_text().splitlines() for part in ('train', 'val'))
    assert (len(train), len(val)) == (1029, 1652)
    assert len({*train, *val}) == 1029 + 1652
    for names in (train, val):
        assert names == sorted(names)
        assert all(len(name) == 6 and 1 <= int(name) <= 9963 for name in names)
    with (STORED / 'counts.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert tuple(row['class'] for row in rows) == VOCDataset.METAINFO['classes']
    counts = {row['class']: {key: int(value) for key, value in row.items() if key != 'class'} for row in rows}
    for part, number in (('train', 1029), ('val', 1652)):
        for of_class in counts.values():
            assert 0 < of_class[f'{part}_images'] <= min(of_class[f'{part}_boxes'], number)
        # Each image has an object, which may be a difficult one.
        assert sum(of_class[f'{part}_images'] + of_class[f'{part}_difficult'] for of_class in counts.values()) >= number
    boxes = {name: of_class['train_boxes'] for name, of_class in counts.items()}
    assert sum(boxes.values()) == 2453
    assert (boxes['person'], boxes['bus'], boxes['diningtable']) == (761, 6, 5)
    assert min(of_class['val_boxes'] for of_class in counts.values()) == 73


def test_the_default_lists_are_the_stored_ones(load_tool):
    tool = load_tool('benchmarks/data/voc07_longtail.py')
    assert tool.LISTS == STORED
    assert len(tool.read_list(tool.LISTS / 'train.txt')) == 1029
    assert tool.read_counts(tool.LISTS / 'counts.csv')['bus'] == {
        'train_images': 6, 'train_boxes': 6, 'train_difficult': 0, 'val_images': 62, 'val_boxes': 75, 'val_difficult': 16}
