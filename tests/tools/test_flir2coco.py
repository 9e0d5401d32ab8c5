"""tools/data/flir2coco.py on a small tree of FLIR_aligned's layout; what it shares with llvip2coco.py is tested there."""

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
TOOL = ROOT / 'tools/data/flir2coco.py'
SIZE = '<size><width>64</width><height>48</height></size>'


def item(name, x1, y1, x2, y2, difficult=0):
    return (f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>'
            f'<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>')


XML = {  # by the stem: all forms of it, and both spellings of the root
    'FLIR_00002_PreviewData': f'<Annotation>{SIZE}{item("car", 1, 2, 31, 12)}{item("dog", 1, 1, 9, 9)}</Annotation>',
    'FLIR_00010_RGB': f'<annotation>{item("bicycle", 0, 0, 10, 20)}{item("person", 60, 40, 70, 50)}</annotation>',
    'FLIR_08863': f'<annotation>{SIZE}{item("person", 5, 6, 15, 36, difficult=1)}</annotation>',
    'FLIR_08865_PreviewData.jpeg': f'<Annotation>{item("dog", 1, 1, 9, 9)}{item("dog", 2, 2, 9, 9)}</Annotation>',
}


@pytest.fixture
def tool(load_tool, monkeypatch):
    monkeypatch.syspath_prepend(TOOL.parent)
    return load_tool('tools/data/flir2coco.py')


@pytest.fixture
def flir(tmp_path):
    root = tmp_path / 'FLIR'
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder).mkdir(parents=True)
    for stem, text in XML.items():
        (root / f'Annotations/{stem}.xml').write_text(text)
        for name in (f'{stem[:10]}_RGB.jpg', f'{stem[:10]}_PreviewData.jpeg'):
            Image.new('RGB', (64, 48)).save(root / 'JPEGImages' / name)
    (root / 'Annotations/FLIR_00002_mask.jpg').touch()  # the published folder holds masks too
    write_lists(root, 'FLIR_00010_PreviewData\nFLIR_00002_PreviewData\n', 'FLIR_08863_PreviewData\nFLIR_08865_PreviewData\n')
    return root


def write_lists(root, train, val):
    (root / 'align_train.txt').write_text(train)
    (root / 'align_validation.txt').write_text(val)


@pytest.fixture
def convert(tool, flir, monkeypatch, capsys):
    """A function that runs the tool in this process and returns its output."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['flir2coco.py', str(flir), *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(convert, flir, capsys):
    """A function that runs the tool on something wrong and returns the line that it ends in; no file may be left."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            convert(*arguments)
        assert end.value.code == 1
        assert not (flir / 'annotations').exists()
        lines = capsys.readouterr().err.splitlines()
        assert [line.startswith('imbdet: error: ') for line in lines] == [True]
        return lines[0]

    return run


def content(root, part):
    return json.loads((root / f'annotations/flir_{part}.json').read_text())


def table(output):
    return {line.split()[0]: (int(line.split()[1]), ' '.join(line.split()[2:]))
            for line in output.splitlines() if re.match(r'[a-z]+ +\d+  ', line)}


def test_content(convert, flir):
    output = convert()
    categories = [{'id': 1, 'name': 'person'}, {'id': 2, 'name': 'car'}, {'id': 3, 'name': 'bicycle'}]
    texts = list(XML.values())
    split = 'of every 500 training pairs, one run of 50 for validation; seed 0'
    assert content(flir, 'train') == {
        'info': {'split': split, 'annotations_sha256': hashlib.sha256(texts[0].encode()).hexdigest()},
        'images': [{'id': 2, 'file_name': 'FLIR_00002_RGB.jpg', 'width': 64, 'height': 48}],
        'annotations': [{'id': 1, 'image_id': 2, 'category_id': 2, 'bbox': [1, 2, 30, 10], 'area': 300, 'iscrowd': 0}],
        'categories': categories}
    assert content(flir, 'valid') == {
        'info': {'split': split, 'annotations_sha256': hashlib.sha256(texts[1].encode()).hexdigest()},
        'images': [{'id': 10, 'file_name': 'FLIR_00010_RGB.jpg', 'width': 64, 'height': 48}],
        'annotations': [
            {'id': 1, 'image_id': 10, 'category_id': 3, 'bbox': [0, 0, 10, 20], 'area': 200, 'iscrowd': 0},
            {'id': 2, 'image_id': 10, 'category_id': 1, 'bbox': [60, 40, 4, 8], 'area': 32, 'iscrowd': 0}],
        'categories': categories}
    assert content(flir, 'test') == {
        'info': {'annotations_sha256': hashlib.sha256((texts[2] + texts[3]).encode()).hexdigest()},
        'images': [{'id': 8863, 'file_name': 'FLIR_08863_RGB.jpg', 'width': 64, 'height': 48},
                   {'id': 8865, 'file_name': 'FLIR_08865_RGB.jpg', 'width': 64, 'height': 48}],
        'annotations': [{'id': 1, 'image_id': 8863, 'category_id': 1, 'bbox': [5, 6, 10, 30], 'area': 300, 'iscrowd': 1}],
        'categories': categories}
    assert table(output) == {'person': (2, 'object of person'), 'car': (1, 'object of car'),
                             'bicycle': (1, 'object of bicycle'), 'dog': (3, 'left out')}
    assert '1 boxes extended beyond their image and were clipped to it' in output
    assert 'pairs in neither list, skipped: 0' in output
    assert split in output
    assert 'flir_train.json: 1 pairs, 1 objects, 0 crowd boxes (difficult or ignored), 0 pairs without a box' in output
    assert 'flir_valid.json: 1 pairs, 2 objects, 0 crowd boxes (difficult or ignored), 0 pairs without a box' in output
    assert 'earlier version' not in output
    assert 'flir_test.json: 2 pairs, 0 objects, 1 crowd boxes (difficult or ignored), 1 pairs without a box' in output


def test_imbdet_and_mmdet_read_it(convert, flir):
    convert()
    classes = ('person', 'car', 'bicycle')
    for part, labels in (('train', [[1]]), ('valid', [[2, 0]]), ('test', [[0], []])):
        assert check_annotations(flir / f'annotations/flir_{part}.json', classes).lines() == []
        dataset = DATASETS.build({
            'type': 'CocoDataset', 'data_root': str(flir), 'ann_file': f'annotations/flir_{part}.json',
            'data_prefix': {'img': 'JPEGImages/'}, 'metainfo': {'classes': classes}, 'test_mode': True,
            'pipeline': [{'type': 'LoadImageFromFile'}]})
        assert [[instance['bbox_label'] for instance in dataset.get_data_info(index)['instances']]
                for index in range(len(dataset))] == labels
        assert dataset[0]['img'].shape == (48, 64, 3)


def test_chosen_classes(convert, flir):
    """The dogs are written where they are chosen; the labels that are not are left out, and so is their clipping."""
    output = convert('--classes', 'dog', 'car')
    assert content(flir, 'train')['categories'] == [{'id': 1, 'name': 'dog'}, {'id': 2, 'name': 'car'}]
    assert [(box['image_id'], box['category_id'], box['bbox']) for box in content(flir, 'train')['annotations']] == [
        (2, 2, [1, 2, 30, 10]), (2, 1, [1, 1, 8, 8])]
    assert [box['bbox'] for box in content(flir, 'test')['annotations']] == [[1, 1, 8, 8], [2, 2, 7, 7]]
    assert table(output)['dog'] == (3, 'object of dog')
    assert table(output)['person'] == (2, 'left out')
    assert 'clipped' not in output


def test_file_of_an_earlier_version(convert, flir):
    """It held the pairs of align_validation.txt, which are for testing; it stays, since old configs name it."""
    old = flir / 'annotations/flir_val.json'
    old.parent.mkdir()
    old.write_text('old')
    assert f'{old} is from an earlier version of this tool, and its pairs are now in flir_test.json: delete it' in convert()
    assert old.read_text() == 'old'


@pytest.mark.parametrize('entry', ['FLIR_00010_PreviewData', 'FLIR_00010_RGB', 'FLIR_00010', 'FLIR_00010_PreviewData.jpeg',
                                   'FLIR_00010_RGB.jpg', 'FLIR_00010.xml  \t', '  FLIR_00010_RGB ', '\ufeffFLIR_00010\r'])
def test_forms_of_list_entries(convert, flir, entry):
    """Each form names the same pair. What neither list names is checked for its partners, but not read."""
    (flir / 'Annotations/FLIR_00002_PreviewData.xml').write_text('not read')
    write_lists(flir, 'FLIR_08863\nFLIR_08865', f'{entry}\n\n')
    assert 'pairs in neither list, skipped: 1' in convert()
    assert [image['file_name'] for image in content(flir, 'test')['images']] == ['FLIR_00010_RGB.jpg']


@pytest.mark.parametrize(('train', 'val', 'name', 'message'), [
    ('FLIR_00002\nFLIR_00011_RGB\n', 'FLIR_08863\n', 'train',
     ', line 2: there is no pair FLIR_00011 in {folder}/JPEGImages; add it or remove the line'),
    ('FLIR_00002\n', 'FLIR_08863\n8865\n', 'validation', ", line 2: '8865' must be a name such as FLIR_00002_PreviewData"),
    ('FLIR_00002\n', 'FLIR_8863\n', 'validation', ", line 1: 'FLIR_8863' must be a name such as"),
    ('FLIR_00002\n', 'FLIR_08863_IR\n', 'validation', ", line 1: 'FLIR_08863_IR' must be a name such as"),
    ('FLIR_00002\n', '\nFLIR_00002_RGB\n', 'validation',
     ', line 2: FLIR_00002 is listed already in {folder}/align_train.txt, line 1; remove one'),
    ('FLIR_00002\nFLIR_00002_RGB\n', 'FLIR_08863\n', 'train', ', line 2: FLIR_00002 is listed already in {folder}/align_train'),
    ('FLIR_00002\n', ' \n', 'validation', ' contains no pair; write one per line, such as FLIR_00002_PreviewData'),
])
def test_wrong_list(error, flir, train, val, name, message):
    write_lists(flir, train, val)
    assert f'{flir}/align_{name}.txt{message.format(folder=flir)}' in error()


@pytest.mark.parametrize('name', ['train', 'validation'])
def test_missing_list(error, flir, name):
    (flir / f'align_{name}.txt').unlink()
    wanted = f'list not found: {flir}/align_{name}.txt; FLIR_ROOT must contain align_train.txt and align_validation.txt'
    assert wanted in error()


@pytest.mark.parametrize(('label', 'nearest'), [('cars', 'car'), ('Person', 'person'), ('doge', 'dog'), ('bike', 'bicycle')])
def test_unknown_label(error, flir, label, nearest):
    path = flir / 'Annotations/FLIR_08863.xml'
    path.write_text(XML['FLIR_08863'].replace('person', label))
    assert f'{path}, object 1: unknown label {label!r}; did you mean {nearest!r}? Correct it' in error()


def test_a_box_that_is_left_out_is_checked_too(error, flir):
    path = flir / 'Annotations/FLIR_08865_PreviewData.jpeg.xml'
    path.write_text(f'<Annotation>{item("dog", 5, 1, 5, 9)}</Annotation>')
    assert f'{path}, object 1: the box from x 5 to 5 and y 1 to 9 has no positive size' in error()


@pytest.mark.parametrize(('gone', 'lonely', 'kind', 'expected'), [
    ('JPEGImages/FLIR_00010_RGB.jpg', 'JPEGImages/FLIR_00010_PreviewData.jpeg', 'visible image', None),
    ('JPEGImages/FLIR_00010_PreviewData.jpeg', 'JPEGImages/FLIR_00010_RGB.jpg', 'infrared image', None),
    ('Annotations/FLIR_00002_PreviewData.xml', 'JPEGImages/FLIR_00002_RGB.jpg', 'XML file', 'Annotations/FLIR_00002.xml'),
])
def test_file_without_partner(error, flir, gone, lonely, kind, expected):
    (flir / gone).unlink()
    assert f'{flir / lonely} has no {kind} {flir / (expected or gone)} (1 have none); add it or remove the ' in error()


def test_xml_without_images(error, flir):
    (flir / 'Annotations/FLIR_00003_RGB.xml').write_text('<annotation/>')
    assert (f'{flir}/Annotations/FLIR_00003_RGB.xml has no visible image {flir}/JPEGImages/FLIR_00003_RGB.jpg (1 have none); '
            'add it or remove the XML file') in error()


def test_two_xml_files_of_a_pair(error, flir):
    (flir / 'Annotations/FLIR_00002_RGB.xml').write_text('<annotation/>')
    assert (f'{flir}/Annotations/FLIR_00002_PreviewData.xml and {flir}/Annotations/FLIR_00002_RGB.xml are both the XML file '
            'of FLIR_00002; remove one of them') in error()


@pytest.mark.parametrize('name', ['JPEGImages/FLIR_1_RGB.jpg', 'JPEGImages/._FLIR_00002_PreviewData.jpeg',
                                  'Annotations/FLIR_00002_mask.xml'])
def test_name_of_another_form(error, flir, name):
    (flir / name).touch()
    assert f"{flir / name}: '{Path(name).stem}' must be a name such as FLIR_00002_PreviewData, FLIR_00002_RGB or" in error()


def test_images_of_two_sizes(error, flir):
    paths = [flir / f'JPEGImages/FLIR_00010_{end}' for end in ('RGB.jpg', 'PreviewData.jpeg')]
    Image.new('RGB', (48, 64)).save(paths[0])
    assert f'{paths[0]} has 48 x 64 pixels, but {paths[1]} has 64 x 48; take the images that their authors aligned' in error()


@pytest.mark.parametrize(('classes', 'message'), [
    (['person', 'truck'], "--classes: FLIR_aligned has no class 'truck'; choose from person, car, bicycle, dog"),
    (['car', 'person', 'car'], '--classes: car appears more than once'),
])
def test_wrong_classes(error, classes, message):
    assert message in error('--classes', *classes)


def test_as_a_process(flir, run_python, tmp_path):
    process = run_python(TOOL, flir, '--out', tmp_path / 'elsewhere')
    assert process.returncode == 0, process.stderr
    assert sorted(path.name for path in (tmp_path / 'elsewhere').iterdir()) == [
        'flir_test.json', 'flir_train.json', 'flir_valid.json']
    assert not (flir / 'annotations').exists()
    wrong = run_python(TOOL, flir / 'JPEGImages')
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith('imbdet: error: FileNotFoundError: folder not found: ')
    assert 'Traceback' not in wrong.stderr


def test_verbose_shows_the_traceback(convert, flir):
    (flir / 'align_train.txt').unlink()
    with pytest.raises(FileNotFoundError):
        convert('--verbose')
