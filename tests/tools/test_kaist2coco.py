"""tools/data/kaist2coco.py on a small tree of KAIST's layout, in all forms of its labels, against values worked by hand."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
from mmdet.registry import DATASETS
from PIL import Image

from imbdet.annotations import check_annotations

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/data/kaist2coco.py'
HEADER = '% bbGt version=3\n'


def item(name, bounds, rest=''):
    return f'<object><name>{name}</name><bndbox>{bounds}</bndbox>{rest}</object>'


def xywh(x, y, w, h):
    return f'<x>{x}</x><y>{y}</y><w>{w}</w><h>{h}</h>'


TRAIN = {  # frames 0 and 2 are beside one in two; set06 is for testing
    'set00/V000/I00000.txt': HEADER + 'person 1 1 9 9 0 0 0 0 0 0 0\n',
    'set00/V000/I00001.txt': HEADER + 'person 5 6 10 30 0 0 0 0 0 0 0\npeople 30 10 20 25 1 0 0 0 0 0 0\n',
    'set00/V000/I00002.txt': 'not read',
    'set05/V001/I00003.txt': HEADER,
    'set05/V001/I00019.txt': '\ufeff' + HEADER + '\nperson 60 40 9 12 2 61 41 2 2 0 0\r\nperson 8 8 4 4 0 0 0 0 0 1 0\n',
    'set06/V000/I00019.txt': 'not read',
}
TEST = {
    'set06_V000_I00019.xml': '<annotation><size><width>64</width><height>48</height><depth>4</depth></size>'
                             + item('cyclist', xywh(1, 2, 30, 20)) + item('person?', xywh(40, 1, 8, 9))
                             + item('person', xywh(-2, 3, 12, 30), '<occlusion>2</occlusion>') + '</annotation>',
    'set11_V000_I00039.xml': '<annotation>' + item('person?a', '<xmin>1</xmin><ymin>2</ymin><xmax>4.5</xmax><ymax>6</ymax>')
                             + '</annotation>',
    'set11_V000_I00059.txt': HEADER,
}


@pytest.fixture
def tool(load_tool, monkeypatch):
    monkeypatch.syspath_prepend(TOOL.parent)
    return load_tool('tools/data/kaist2coco.py')


@pytest.fixture
def kaist(tmp_path):
    """The folder of images, train and test; the images are those of every frame that occurs."""
    for folder, labels in (('train', TRAIN), ('test', TEST)):
        for name, text in labels.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            frame = name[:-4].replace('_', '/').split('/')
            for camera in ('visible', 'lwir'):
                write_image(tmp_path / 'images' / frame[0] / frame[1] / camera / f'{frame[2]}.jpg')
    for camera in ('visible', 'lwir'):  # between the test frames
        write_image(tmp_path / f'images/set06/V000/{camera}/I00020.jpg')
    return tmp_path


def write_image(path, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('L', size).save(path)


@pytest.fixture
def convert(tool, kaist, monkeypatch, capsys):
    """A function that runs the tool in this process and returns its output."""

    def run(*arguments):
        folders = [str(kaist / name) for name in ('images', 'train', 'test')]
        monkeypatch.setattr(sys, 'argv', ['kaist2coco.py', *folders, *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(convert, kaist, capsys):
    """A function that runs the tool on something wrong and returns the line that it ends in; no file may be left."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            convert(*arguments)
        assert end.value.code == 1
        assert not (kaist / 'images/annotations').exists()
        lines = capsys.readouterr().err.splitlines()
        assert [line.startswith('imbdet: error: ') for line in lines] == [True]
        return lines[0]

    return run


def content(root, part):
    return json.loads((root / f'images/annotations/kaist_{part}.json').read_text())


def digest(*texts):
    return hashlib.sha256(''.join(texts).encode()).hexdigest()


def box(number, image_id, bbox, iscrowd):
    return {'id': number, 'image_id': image_id, 'category_id': 1, 'bbox': bbox, 'area': bbox[2] * bbox[3], 'iscrowd': iscrowd}


def picture(image_id, name):
    return {'id': image_id, 'file_name': name, 'width': 64, 'height': 48}


def test_content(convert, kaist):
    output = convert()
    categories = [{'id': 1, 'name': 'person'}]
    split = 'one frame in 2; of every 500 training pairs, one run of 50 for validation; seed 0'
    train, valid = content(kaist, 'train'), content(kaist, 'valid')
    parts = [  # the three training frames, of which one is held out
        ('set00/V000/I00001.txt', picture(1, 'set00/V000/visible/I00001.jpg'), [([5, 6, 10, 30], 0), ([30, 10, 20, 25], 1)]),
        ('set05/V001/I00003.txt', picture(500100003, 'set05/V001/visible/I00003.jpg'), []),
        ('set05/V001/I00019.txt', picture(500100019, 'set05/V001/visible/I00019.jpg'),
         [([60, 40, 4, 8], 0), ([8, 8, 4, 4], 1)]),
    ]
    assert len(valid['images']) == 1
    for file in (train, valid):
        of_file = [part for part in parts if part[1] in file['images']]
        boxes = [(picture['id'], *values) for _, picture, values_of_image in of_file for values in values_of_image]
        assert file == {
            'info': {'split': split, 'annotations_sha256': digest(*(TRAIN[name] for name, _, _ in of_file))},
            'images': [picture for _, picture, _ in of_file],
            'annotations': [box(number, *values) for number, values in enumerate(boxes, 1)], 'categories': categories}
    assert len(train['images']) == 2
    assert content(kaist, 'test') == {
        'info': {'split': 'one frame in 20', 'annotations_sha256': digest(*TEST.values())},
        'images': [picture(600000019, 'set06/V000/visible/I00019.jpg'), picture(1100000039, 'set11/V000/visible/I00039.jpg'),
                   picture(1100000059, 'set11/V000/visible/I00059.jpg')],
        'annotations': [box(1, 600000019, [1, 2, 30, 20], 1), box(2, 600000019, [40, 1, 8, 9], 1),
                        box(3, 600000019, [0, 3, 10, 30], 0), box(4, 1100000039, [1, 2, 3.5, 4], 1)],
        'categories': categories}
    assert re.findall(r'^(\S+) +(\d+)  (.*)$', output, re.MULTILINE) == [
        ('person', '4', 'object of person'), ('people', '1', 'ignored for person'), ('cyclist', '1', 'ignored for person'),
        ('person?', '1', 'ignored for person'), ('person?a', '1', 'ignored for person')]
    assert 'train: 3 label files; of other sets, or beside one frame in 2, skipped: 3' in output
    assert 'test: 3 label files; of other sets, or beside one frame in 20, skipped: 0' in output
    assert '2 boxes extended beyond their image and were clipped to it' in output
    assert 'kaist_test.json: 3 pairs, 1 objects, 3 crowd boxes (difficult or ignored), 1 pairs without a box' in output


def test_train_step(convert, kaist):
    (kaist / 'train/set05/V001/I00039.txt').write_text(HEADER)
    for camera in ('visible', 'lwir'):
        write_image(kaist / f'images/set05/V001/{camera}/I00039.jpg')
    assert 'train: 2 label files; of other sets, or beside one frame in 20, skipped: 5' in convert('--train-step', 20)
    names = [image['file_name'] for part in ('train', 'valid') for image in content(kaist, part)['images']]
    assert sorted(names) == ['set05/V001/visible/I00019.jpg', 'set05/V001/visible/I00039.jpg']
    assert content(kaist, 'train')['info']['split'].startswith('one frame in 20; of every 500 ')


def test_imbdet_and_mmdet_read_it(convert, kaist):
    """Both cameras, by the names that the config derives."""
    convert()
    for part in ('train', 'valid', 'test'):
        assert check_annotations(kaist / f'images/annotations/kaist_{part}.json', ['person']).lines() == []
    for modality, camera in (('rgb', 'visible'), ('ir', 'lwir')):
        dataset = DATASETS.build({
            'type': 'PairedCocoDataset', 'data_root': str(kaist / 'images'), 'ann_file': 'annotations/kaist_test.json',
            'data_prefix': {'img': '', 'ir': ''}, 'ir_replace': ('/visible/', '/lwir/'), 'modality': modality,
            'metainfo': {'classes': ('person', )}, 'test_mode': True, 'pipeline': [{'type': 'LoadImagePair'}]})
        assert [len(dataset.get_data_info(index)['instances']) for index in range(3)] == [3, 1, 0]
        assert dataset[0]['img'].shape == (48, 64, 3)
        assert dataset[0]['img_path'] == f'{kaist}/images/set06/V000/{camera}/I00019.jpg'


@pytest.mark.parametrize(('lines', 'message'), [
    ('person 1 2 3 4 0 0 0 0 0 0\n', 'line 2: a box must have 12 values (label x y width height occluded visible_x visible_y '
     'visible_width visible_height ignore angle), got 11; correct the line'),
    ('person 1 2 3 4 0 0 0 0 0 0 0\n\npersn 1 2 3 4 0 0 0 0 0 0 0\n', "line 4: unknown label 'persn'; did you mean 'person'?"),
    ('person 1 two 3 4 0 0 0 0 0 0 0\n', "line 2: y must be a number, got 'two'; correct it"),
    ('person 1 2 3 4 0 0 0 0 0 nan 0\n', "line 2: ignore must be a number, got 'nan'"),
    ('person 1 2 3 4 0 0 0 0 0 2 0\n', 'line 2: ignore must be 0 or 1, got 2; correct it'),
    ('person 1 2 0 4 0 0 0 0 0 0 0\n', 'line 2: the box from x 1 to 1 and y 2 to 6 has no positive size; correct or remove it'),
    ('person 64 2 3 4 0 0 0 0 0 0 0\n', 'line 2: the box from x 64 to 67 and y 2 to 6 is outside its image of 64 x 48 pixels'),
])
def test_wrong_line(error, kaist, lines, message):
    path = kaist / 'train/set00/V000/I00001.txt'
    path.write_text(HEADER + lines)
    assert f'AnnotationError: {path}, {message}' in error()


@pytest.mark.parametrize('text', ['', 'person 1 2 3 4 0 0 0 0 0 0 0\n', '% bbGt version=2\n'])
def test_wrong_header(error, kaist, text):
    path = kaist / 'test/set11_V000_I00059.txt'
    path.write_text(text)
    assert f"{path}: the first line must be '% bbGt version=3', got {text.strip()!r}; unpack it again" in error()


def test_wrong_xml(error, kaist):
    path = kaist / 'test/set06_V000_I00019.xml'
    path.write_text(TEST[path.name].replace('<h>30</h>', ''))
    assert f'AnnotationError: {path}, object 3: there is no h; add it' in error()
    path.write_text(TEST[path.name].replace('<width>64', '<width>640'))
    assert f'AnnotationError: {path}, size: width is 640, but ' in error()


@pytest.mark.parametrize(('camera', 'kind'), [('visible', 'visible image'), ('lwir', 'infrared image')])
@pytest.mark.parametrize('labels', ['train/set05/V001/I00019.txt', 'test/set11_V000_I00039.xml'])
def test_missing_image(error, kaist, camera, kind, labels):
    number, video, frame = Path(labels.split('/', 1)[1]).with_suffix('').as_posix().replace('_', '/').split('/')
    path = kaist / f'images/{number}/{video}/{camera}/{frame}.jpg'
    path.unlink()
    assert (f'FileNotFoundError: {kaist / labels} has no {kind} {path} (1 have none); unpack it or remove the label '
            'file') in error()


@pytest.mark.parametrize(('camera', 'kind'), [('visible', 'visible image'), ('lwir', 'infrared image')])
def test_test_frame_without_labels(error, kaist, camera, kind):
    path = kaist / f'images/set06/V001/{camera}/I00119.jpg'
    write_image(path)
    assert f'the {kind} {path} is a test frame, but has no label file; add it (a frame without objects has one' in error()


def test_images_of_two_sizes(error, kaist):
    path = kaist / 'images/set06/V000/lwir/I00019.jpg'
    write_image(path, (48, 64))
    assert f'has 64 x 48 pixels, but {path} has 48 x 64; take the images that their authors aligned' in error()


def test_two_label_files_of_a_frame(error, kaist):
    (kaist / 'test/set06/V000').mkdir(parents=True)
    (kaist / 'test/set06/V000/I00019.txt').write_text(HEADER)
    assert (f'{kaist}/test/set06/V000/I00019.txt and {kaist}/test/set06_V000_I00019.xml are both the label file of '
            'set06/V000/I00019; remove one of them') in error()


@pytest.mark.parametrize('name', ['readme.txt', 'set06_V000_I19.txt', 'set06/V000/visible/I00019.txt'])
def test_name_of_another_form(error, kaist, name):
    path = kaist / 'test' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert f'{path}: the name must be like set06/V000/I00019 or set06_V000_I00019, with one label file per frame' in error()


def test_missing_folder(error, kaist):
    (kaist / 'test').rename(kaist / 'moved')
    assert f'folder not found: {kaist / "test"}; unpack the label files there' in error()


def test_labels_of_the_other_half(error, kaist):
    (kaist / 'test').rename(kaist / 'moved')
    (kaist / 'train').rename(kaist / 'test')
    (kaist / 'moved').rename(kaist / 'train')
    assert f'no label file of set00 to set05 in {kaist / "train"} is of a frame 1, 3, ...; unpack the label files' in error()


def test_wrong_step(error):
    assert '--train-step must be 1 or more, got 0' in error('--train-step', 0)


def test_as_a_process(kaist, run_python, tmp_path):
    arguments = kaist / 'images', kaist / 'train', kaist / 'test', '--out', tmp_path / 'elsewhere'
    process = run_python(TOOL, *arguments)
    assert process.returncode == 0, process.stderr
    assert sorted(path.name for path in (tmp_path / 'elsewhere').iterdir()) == [
        'kaist_test.json', 'kaist_train.json', 'kaist_valid.json']
