"""tools/data/llvip2coco.py on a small tree of LLVIP's layout, against values worked by hand."""

import errno
import hashlib
import json
import sys
from pathlib import Path

import pytest
from mmdet.registry import DATASETS
from PIL import Image

from imbdet.annotations import check_annotations
from imbdet.data.image_header import image_header

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/data/llvip2coco.py'
SPLIT_OF = {'010001': 'train', '010002': 'train', '190001': 'test'}
SIZE = '<size><width>64</width><height>48</height><depth>3</depth></size>'


def item(x1, y1, x2, y2, name='person', rest='<difficult>0</difficult>'):
    return (f'<object><name>{name}</name>{rest}<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax>'
            f'<ymax>{y2}</ymax></bndbox></object>')


def voc(*items, size=SIZE, root='annotation'):
    return f'<{root}><folder>x</folder>{size}{"".join(items)}</{root}>'


BOXES = {
    '010001': voc(item(1, 2, 31, 42), item(10.5, 4, 20.25, 12, rest='<difficult>1</difficult>')),
    '010002': voc(size=''),
    '190001': voc(item(50, -3, 70, 40, rest=''), item(1, 1, 64, 48)),
}


@pytest.fixture
def tool(load_tool, monkeypatch):
    monkeypatch.syspath_prepend(TOOL.parent)
    return load_tool('tools/data/llvip2coco.py')


@pytest.fixture
def llvip(tmp_path):
    root = tmp_path / 'LLVIP'
    (root / 'Annotations').mkdir(parents=True)
    for stem, split in SPLIT_OF.items():
        for folder in ('visible', 'infrared'):
            write_image(root / folder / split / f'{stem}.jpg')
        xml(root, stem).write_text(BOXES[stem])
    return root


def write_image(path, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size).save(path)


def xml(root, stem='190001'):
    return root / f'Annotations/{stem}.xml'


@pytest.fixture
def convert(tool, llvip, monkeypatch, capsys):
    """A function that runs the tool in this process and returns its output."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['llvip2coco.py', str(llvip), *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(convert, llvip, capsys):
    """A function that runs the tool on something wrong and returns the line that it ends in; no file may be left."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            convert(*arguments)
        assert end.value.code == 1
        assert not list((llvip / 'annotations').glob('*'))
        lines = capsys.readouterr().err.splitlines()
        assert [line.startswith('imbdet: error: ') for line in lines] == [True]
        return lines[0]

    return run


def content(root, split):
    return json.loads((root / f'annotations/llvip_{split}.json').read_text())


def digest(*stems):
    return hashlib.sha256(''.join(BOXES[stem] for stem in stems).encode()).hexdigest()


def test_content(convert, llvip):
    output = convert('--release', '2023-02-21')
    categories = [{'id': 1, 'name': 'person'}]
    split = 'of every 500 training pairs, one run of 50 for validation; seed 0'
    assert content(llvip, 'train') == {
        'info': {'release': '2023-02-21', 'split': split, 'annotations_sha256': digest('010001')},
        'images': [{'id': 10001, 'file_name': '010001.jpg', 'width': 64, 'height': 48}],
        'annotations': [
            {'id': 1, 'image_id': 10001, 'category_id': 1, 'bbox': [1, 2, 30, 40], 'area': 1200, 'iscrowd': 0},
            {'id': 2, 'image_id': 10001, 'category_id': 1, 'bbox': [10.5, 4, 9.75, 8], 'area': 78, 'iscrowd': 1}],
        'categories': categories}
    assert content(llvip, 'valid') == {
        'info': {'release': '2023-02-21', 'split': split, 'annotations_sha256': digest('010002')},
        'images': [{'id': 10002, 'file_name': '010002.jpg', 'width': 64, 'height': 48}],
        'annotations': [],
        'categories': categories}
    assert content(llvip, 'test') == {
        'info': {'release': '2023-02-21', 'annotations_sha256': digest('190001')},
        'images': [{'id': 190001, 'file_name': '190001.jpg', 'width': 64, 'height': 48}],
        'annotations': [
            {'id': 1, 'image_id': 190001, 'category_id': 1, 'bbox': [50, 0, 14, 40], 'area': 560, 'iscrowd': 0},
            {'id': 2, 'image_id': 190001, 'category_id': 1, 'bbox': [1, 1, 63, 47], 'area': 2961, 'iscrowd': 0}],
        'categories': categories}
    assert 'person                 4  object of person' in output
    assert '1 boxes extended beyond their image and were clipped to it' in output
    assert split in output
    assert 'llvip_train.json: 1 pairs, 1 objects, 1 crowd boxes (difficult or ignored), 0 pairs without a box' in output
    assert 'llvip_valid.json: 1 pairs, 0 objects, 0 crowd boxes (difficult or ignored), 1 pairs without a box' in output
    assert 'llvip_test.json: 1 pairs, 2 objects, 0 crowd boxes (difficult or ignored), 0 pairs without a box' in output
    assert 'not stated' not in output
    assert 'less than a pixel' not in output


def test_release_is_asked_for(convert, llvip):
    assert 'the release is not stated: set --release' in convert()
    assert content(llvip, 'test')['info']['release'] == 'not stated'


@pytest.mark.parametrize('folder', ['visible', 'infrared'])
def test_imbdet_and_mmdet_read_it(convert, llvip, folder):
    convert()
    for part, split, lengths in (('train', 'train', [2]), ('valid', 'train', [0]), ('test', 'test', [2])):
        assert check_annotations(llvip / f'annotations/llvip_{part}.json', ['person']).lines() == []
        dataset = DATASETS.build({
            'type': 'CocoDataset', 'data_root': str(llvip), 'ann_file': f'annotations/llvip_{part}.json',
            'data_prefix': {'img': f'{folder}/{split}/'}, 'metainfo': {'classes': ('person', )}, 'test_mode': True,
            'pipeline': [{'type': 'LoadImageFromFile'}]})
        assert [len(info['instances']) for info in map(dataset.get_data_info, range(len(dataset)))] == lengths
        assert dataset[0]['img'].shape == (48, 64, 3)
        assert dataset[0]['img_path'] == f'{llvip}/{folder}/{split}/{dataset[0]["img_id"]:06d}.jpg'
        first = {'train': [[1, 2, 31, 42]], 'valid': [], 'test': [[50, 0, 64, 40]]}
        assert [instance['bbox'] for instance in dataset.get_data_info(0)['instances'][:1]] == first[part]


def test_the_seed_moves_the_validation_frames(convert, llvip):
    held = {}
    for seed in range(8):
        convert('--seed', seed)
        train, valid = (content(llvip, part)['images'] for part in ('train', 'valid'))
        assert sorted(image['id'] for image in train + valid) == [10001, 10002]
        held[seed] = [image['id'] for image in valid]
    convert('--seed', 0)
    assert [image['id'] for image in content(llvip, 'valid')['images']] == held[0]
    assert sorted({tuple(ids) for ids in held.values()}) == [(10001, ), (10002, )]


def test_too_few_training_pairs(error, llvip):
    for folder in ('visible', 'infrared'):
        (llvip / folder / 'train/010002.jpg').unlink()
    xml(llvip, '010002').unlink()
    assert 'ValueError: 1 training pairs cannot be split into training and validation; unpack all of them' in error()


def test_one_split_alone(convert, llvip):
    for folder in ('visible', 'infrared'):
        (llvip / folder / 'train').rename(llvip / f'{folder}_train')
    output = convert()
    assert 'only the test split exists; XML files without images, skipped: 2' in output
    assert [path.name for path in (llvip / 'annotations').iterdir()] == ['llvip_test.json']
    assert content(llvip, 'test')['info']['annotations_sha256'] == digest('190001')


def test_boxes_below_a_pixel_are_told(convert, llvip):
    xml(llvip).write_text(voc(item(1, 1, 1.5, 9)))
    assert '1 boxes are less than a pixel wide or high' in convert()


def test_pixels_are_not_decoded(convert, llvip):
    path = llvip / 'visible/test/190001.jpg'
    path.write_bytes(path.read_bytes()[:-20])
    assert 'wrote' in convert()


def test_the_header_leaves_the_system_s_errors(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        image_header(tmp_path / 'none.jpg')
    assert error.value.errno == errno.ENOENT
    assert error.value.filename.endswith('none.jpg')


def test_as_a_process(llvip, run_python, tmp_path):
    process = run_python(TOOL, llvip, '--out', tmp_path / 'elsewhere')
    assert process.returncode == 0, process.stderr
    assert sorted(path.name for path in (tmp_path / 'elsewhere').iterdir()) == [
        'llvip_test.json', 'llvip_train.json', 'llvip_valid.json']
    assert '%|' not in process.stderr  # no progress bar where there is no terminal
    wrong = run_python(TOOL, llvip / 'visible')
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith('imbdet: error: FileNotFoundError: neither ')
    assert 'Traceback' not in wrong.stderr


def test_verbose_shows_the_traceback(convert, llvip):
    xml(llvip).unlink()
    with pytest.raises(FileNotFoundError):
        convert('--verbose')


def test_an_error_while_writing_leaves_no_file(error, llvip, monkeypatch):
    write, written = Path.write_text, []

    def full_disk(path, text):
        if written:
            raise OSError(errno.ENOSPC, 'No space left on device')
        written.append(path)
        return write(path, text)

    monkeypatch.setattr(Path, 'write_text', full_disk)
    assert 'No space left' in error()
    assert len(written) == 1


@pytest.mark.parametrize(('items', 'message'), [
    ([item(1, 'two', 3, 4)], "object 1: ymin must be a number, got 'two'; correct it"),
    ([item(1, 2, 3, 4), item(1, 2, 'nan', 4)], "object 2: xmax must be a number, got 'nan'"),
    ([item('inf', 2, 3, 4)], "object 1: xmin must be a number, got 'inf'"),
    ([item('', 2, 3, 4)], "object 1: xmin must be a number, got ''"),
    ([item(1, 2, 3, 4).replace('xmin', 'left')], 'object 1: there is no xmin; add it'),
    ([item(1, 2, 3, 4).replace('bndbox', 'polygon')], 'object 1: there is no bndbox; add it'),
    ([item(3, 2, 3, 4)], 'object 1: the box from x 3 to 3 and y 2 to 4 has no positive size; correct or remove it'),
    ([item(1, 4, 3, 2)], 'object 1: the box from x 1 to 3 and y 4 to 2 has no positive size'),
    ([item(64, 2, 70, 4)], 'object 1: the box from x 64 to 70 and y 2 to 4 is outside its image of 64 x 48 pixels; correct'),
    ([item(1, -4, 3, 0)], 'is outside its image of 64 x 48 pixels'),
    ([item(1, 2, 3, 4, name='peson')], "object 1: unknown label 'peson'; did you mean 'person'? Correct it"),
    ([item(1, 2, 3, 4, name='car')], "object 1: unknown label 'car'; did you mean 'person'?"),
    ([item(1, 2, 3, 4, name='')], "object 1: unknown label ''; did you mean 'person'?"),
    ([item(1, 2, 3, 4, rest='<difficult>no</difficult>')], "object 1: difficult must be 0 or 1, got 'no'"),
])
def test_wrong_object(error, llvip, items, message):
    xml(llvip).write_text(voc(*items))
    found = error()
    assert f'AnnotationError: {xml(llvip)}, ' in found
    assert message in found


@pytest.mark.parametrize(('size', 'message'), [
    ('<size><width>48</width><height>64</height></size>', 'size: width is 48, but {image} has 64 x 48 pixels; take'),
    ('<size><width>64</width><height>64</height></size>', 'size: height is 64, but {image} has 64 x 48 pixels; take'),
    ('<size><height>wide</height></size>', "size: height must be a number, got 'wide'; correct it"),
])
def test_size_in_the_xml(error, llvip, size, message):
    xml(llvip).write_text(voc(size=size))
    assert f'{xml(llvip)}, {message.format(image=llvip / "visible/test/190001.jpg")}' in error()


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'is not readable XML (no element found: line 1, column 0); unpack it again'),
    ('<annotation><object></annotation>', 'is not readable XML (mismatched tag: line 1, column '),
    ('<?xml version="1.0" encoding="none"?><annotation/>', 'is not readable XML (unknown encoding'),
    ('<html/>', 'the outermost element is <html>, not <annotation>'),
])
def test_xml_that_cannot_be_read(error, llvip, text, message):
    xml(llvip).write_text(text)
    found = error()
    assert str(xml(llvip)) in found
    assert message in found


def test_images_of_two_sizes(error, llvip):
    paths = [llvip / folder / 'test/190001.jpg' for folder in ('visible', 'infrared')]
    write_image(paths[1], (48, 64))
    assert f'{paths[0]} has 64 x 48 pixels, but {paths[1]} has 48 x 64; take the images that their authors aligned' in error()


@pytest.mark.parametrize('folder', ['visible', 'infrared'])
@pytest.mark.parametrize('kept', [0, 4, 30])  # 30 ends in the middle of the header
def test_image_that_cannot_be_read(error, llvip, folder, kept):
    path = llvip / folder / 'test/190001.jpg'
    path.write_bytes(path.read_bytes()[:kept])
    assert f'{path} is not a readable image; unpack or download it again' in error()


def test_image_of_an_absurd_size(error, llvip, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 64 * 48 // 2 - 1)
    assert 'visible/train/010001.jpg is not a readable image' in error()


@pytest.mark.parametrize(('gone', 'lonely', 'kind'), [
    ('infrared/train/010002.jpg', 'visible/train/010002.jpg', 'infrared image'),
    ('visible/train/010002.jpg', 'infrared/train/010002.jpg', 'visible image'),
    ('Annotations/010002.xml', 'visible/train/010002.jpg', 'XML file'),
])
def test_file_without_partner(error, llvip, gone, lonely, kind):
    (llvip / gone).unlink()
    assert f'FileNotFoundError: {llvip / lonely} has no {kind} {llvip / gone} (1 have none); add it or remove the ' in error()


def test_xml_without_images(error, llvip):
    xml(llvip, '010003').write_text(voc())
    xml(llvip, '010004').write_text(voc())
    assert (f'{xml(llvip, "010003")} has no visible image {llvip / "visible/train/010003.jpg"} (2 have none); add it or remove '
            'the XML file') in error()


def test_image_in_both_splits(error, llvip):
    for folder in ('visible', 'infrared'):
        write_image(llvip / folder / 'test/010001.jpg')
    assert (f'{llvip / "visible/train/010001.jpg"} and {llvip / "visible/test/010001.jpg"} have the same image id; '
            'remove one') in error()


@pytest.mark.parametrize('name', ['visible/test/19001.jpg', 'infrared/train/._010001.jpg', 'Annotations/frame1.xml'])
def test_name_that_is_no_id(error, llvip, name):
    (llvip / name).touch()
    assert f'{llvip / name}: the name is not six digits, as in 010001, so it has no image id; rename or remove it' in error()


@pytest.mark.parametrize('name', ['infrared/train', 'Annotations'])
def test_missing_folder(error, llvip, name):
    (llvip / name).rename(llvip / 'moved')
    assert f'folder not found: {llvip / name}; unpack' in error()


def test_no_split(error, llvip):
    for folder in ('visible', 'infrared'):
        (llvip / folder).rename(llvip / f'{folder}_moved')
    assert f'neither {llvip / "visible/train"} nor {llvip / "visible/test"} exists; unpack' in error()


def test_no_images(error, llvip):
    (llvip / 'visible/test/190001.jpg').unlink()
    assert f'no files *.jpg in {llvip / "visible/test"}; unpack' in error()
