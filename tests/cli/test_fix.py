"""The command: what it prints and writes, and what it refuses."""

import json
import math

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from imbdet.annotations import check_annotations
from imbdet.cli import main


@pytest.fixture
def fix(capsys):
    """A function that runs the command; it returns the exit code and what was printed on both streams."""

    def run(*arguments):
        try:
            main(['fix', *map(str, arguments)])
            code = 0
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def faulty(annotation_file):
    """A file with a byte order mark, NaN, and two different objects of one id."""
    path = annotation_file([(1, 1), {'id': 1, 'bbox': [1, 2, 30, 30]}, {'bbox': [math.nan, 1, 5, 5]},
                            {'bbox': [20, 10, 20, 20], 'area': 7}], info={'score': math.nan, 'name': 'Tür'})
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    return path


def test_a_dry_run_writes_nothing(faulty, fix, tmp_path):
    before = faulty.read_bytes()
    code, out, err = fix(faulty)
    assert code == 0
    assert err == ''
    assert '  file: byte order mark removed\n' in out
    assert '  1 annotation: id used several times: new id (id 1 (entry 2))\n' in out
    assert 'Result: 3 images, 3 of 4 annotations, 3 categories\nNothing written; --out FILE writes the fixed file\n' in out
    assert faulty.read_bytes() == before
    assert [*tmp_path.iterdir()] == [faulty]


def test_the_file_and_its_report_are_written(faulty, fix, tmp_path):
    code, out, _ = fix(faulty, '--out', tmp_path / 'new/fixed.json')
    assert code == 0
    assert out.endswith(f'wrote {tmp_path}/new/fixed.json and {tmp_path}/new/fixed.fixes.json\n')
    text = (tmp_path / 'new/fixed.json').read_bytes()
    content = json.loads(text.decode(), parse_constant=pytest.fail)
    assert [annotation['id'] for annotation in content['annotations']] == [1, 2, 4]
    assert content['info'] == {'score': None, 'name': 'Tür'}
    assert 'Tür'.encode() in text
    assert check_annotations(tmp_path / 'new/fixed.json').lines() == []
    report = json.loads((tmp_path / 'new/fixed.fixes.json').read_text())
    assert report['input'] == str(faulty)
    assert {change['kind']: change['ids'] for change in report['changes']}['wrong area: computed'] == [
        '1 (entry 2)', 4]
    assert report['before']['annotations'] - report['after']['annotations'] == 1

    fix(faulty, '--out', tmp_path / 'new/again.json')
    assert (tmp_path / 'new/again.json').read_bytes() == text
    code, out, _ = fix(tmp_path / 'new/fixed.json', '--out', tmp_path / 'new/twice.json')
    assert 'Nothing to fix\n' in out
    assert (tmp_path / 'new/twice.json').read_bytes() == text


@pytest.mark.parametrize('other', ['train.json', 'sub/../train.json', 'link.json'])
def test_the_input_is_never_overwritten(faulty, fix, tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'link.json').symlink_to('train.json')
    before = faulty.read_bytes()
    code, _, err = fix(faulty, '--out', other)
    assert code == 1
    assert 'is an input, which is never overwritten' in err
    assert faulty.read_bytes() == before


def test_no_other_input_is_overwritten(annotation_file, fix, tmp_path):
    path = annotation_file(name='a.fixes.json')
    for arguments in ((path, '--out', tmp_path / 'a.json'), (annotation_file(), '--categories-like', path, '--out', path)):
        code, _, err = fix(*arguments)
        assert code == 1
        assert 'a.fixes.json is an input' in err


def test_only_files_of_an_earlier_fix_are_overwritten(faulty, fix, tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'photo')
    (tmp_path / 'own.json').write_text('[]')
    for name, message in (('photo.jpg', 'must be a file that ends with .json'), ('own.json', 'is not from imbdet fix')):
        code, _, err = fix(faulty, '--out', tmp_path / name)
        assert code == 1
        assert message in err
    assert (tmp_path / 'photo.jpg').read_bytes() == b'photo'
    assert (tmp_path / 'own.json').read_text() == '[]'
    assert [fix(faulty, '--out', tmp_path / 'fixed.json')[0] for _ in range(2)] == [0, 0]


def test_a_folder_of_images_that_does_not_exist(faulty, fix, tmp_path):
    code, _, err = fix(faulty, '--images', tmp_path / 'none')
    assert code == 1
    assert f'no such folder: {tmp_path}/none; --images is the folder that the file names start from' in err


def test_without_a_decision_nothing_is_written(annotation_file, fix, tmp_path):
    path = annotation_file([(1, 1)], categories=['a', 'a'], image_keys={'width': None})
    code, out, err = fix(path, '--out', tmp_path / 'fixed.json')
    assert code == 1
    assert '--same-names merge|number' in out
    assert err.startswith(f'imbdet: error: ValueError: {path}: nothing written; to decide what is listed above, give '
                          '--same-names merge|number, --images FOLDER (')
    assert [*tmp_path.iterdir()] == [path]
    code, out, err = fix(path)
    assert (code, err) == (0, '')
    assert '3 images: width and height are not positive integers' in out


def test_sizes_are_read_from_images(annotation_file, fix, tmp_path):
    path = annotation_file([{'bbox': [60, 5, 30, 10]}, {'image_id': 2}], num_images=3)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (100, 50)).save(tmp_path / 'images/1.jpg', exif=exif)
    Image.new('RGB', (100, 100)).save(tmp_path / 'images/2.jpg')
    (tmp_path / 'images/3.jpg').write_bytes(b'no image')
    content = json.loads(path.read_text())
    content['images'][0]['height'] = 50
    path.write_text(json.dumps(content))
    arguments = (path, '--images', tmp_path / 'images', '--out', tmp_path / 'fixed.json')
    assert '--missing-images keep|drop' in fix(*arguments)[2]
    assert fix(*arguments, '--missing-images', 'drop')[0] == 0
    content = json.loads((tmp_path / 'fixed.json').read_text())
    assert [(image['id'], image['width'], image['height']) for image in content['images']] == [(1, 50, 100), (2, 100, 100)]
    assert content['annotations'][0]['bbox'] == [35, 60, 10, 30]


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'tiff'])
def test_objects_stay_in_their_boxes_with_any_exif_orientation(annotation_file, fix, tmp_path, suffix):
    """Whether or not the library applies it: a white object on black, and its box in the stored pixels."""
    (tmp_path / 'images').mkdir()
    pixels = np.zeros((48, 64, 3), dtype=np.uint8)
    pixels[4:20, 8:24] = 255
    orientations = range(2, 9)
    for orientation in orientations:
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(tmp_path / f'images/{orientation}.{suffix}', exif=exif)
    images = [{'id': orientation, 'file_name': f'{orientation}.{suffix}', 'width': 64, 'height': 48}
              for orientation in orientations]
    path = annotation_file([{'image_id': image['id'], 'bbox': [8, 4, 16, 16]} for image in images], images=images)
    code, *_ = fix(path, '--images', tmp_path / 'images', '--boxes-drawn-at', 'stated', '--out', tmp_path / 'fixed.json')
    assert code == 0
    content = json.loads((tmp_path / 'fixed.json').read_text())
    for image, annotation in zip(content['images'], content['annotations'], strict=True):
        seen = mmcv.imread(str(tmp_path / 'images' / image['file_name']))
        assert seen.shape[:2] == (image['height'], image['width'])
        rows, columns = np.nonzero(seen[..., 0] > 128)
        assert [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1] == annotation['bbox']


def test_images_that_pillow_refuses_are_no_missing_images(annotation_file, fix, tmp_path):
    cv2.imwrite(str(tmp_path / '1.hdr'), np.ones((100, 100, 3), dtype=np.float32))
    path = annotation_file([(1, 1)], images=[{'id': 1, 'file_name': '1.hdr', 'width': 100, 'height': 100}])
    code, out, _ = fix(path, '--images', tmp_path)
    assert code == 0
    assert 'Nothing to fix' in out


def test_a_file_of_other_ids_is_not_emptied(annotation_file, fix, tmp_path):
    path = annotation_file([{'image_id': 'other.jpg'}])
    code, out, err = fix(path, '--out', tmp_path / 'fixed.json')
    assert code == 1
    assert 'image_id other.jpg' in out
    assert 'give --unknown drop' in err
    assert not (tmp_path / 'fixed.json').exists()
    assert fix(path, '--unknown', 'drop', '--out', tmp_path / 'fixed.json')[0] == 0
    assert json.loads((tmp_path / 'fixed.json').read_text())['annotations'] == []


def test_every_option_reaches_the_fix(annotation_file, fix, tmp_path):
    train = annotation_file([(1, 1)], categories=['b', 'a'], name='train.json')
    path = annotation_file([{'iscrowd': 1, 'bbox': [10, 10, 90, 90]}], num_images=1, name='val.json',
                           images=[{'id': 1, 'file_name': 'x', 'width': 100, 'height': 100},
                                   {'id': 1, 'file_name': 'y', 'width': 100, 'height': 100}],
                           categories=['a', {'id': 2, 'name': 'a'}, {'id': 3, 'name': 'c'}, {'id': 3, 'name': 'b'}])
    code, _, err = fix(path, '--boxes', 'xyxy', '--crowd', 'objects', '--masks', 'box', '--same-image-ids', 'keep-last',
                       '--same-category-ids', 'keep-last', '--same-names', 'merge', '--categories-like', train,
                       '--boxes-drawn-at', 'file', '--out', tmp_path / 'fixed.json')
    assert (code, err) == (0, '')
    content = json.loads((tmp_path / 'fixed.json').read_text())
    assert content['images'] == [{'id': 1, 'file_name': 'y', 'width': 100, 'height': 100}]
    assert content['categories'] == [{'id': 1, 'name': 'b'}, {'id': 2, 'name': 'a'}]
    assert content['annotations'] == [{'id': 1, 'image_id': 1, 'category_id': 2, 'bbox': [10, 10, 80, 80], 'area': 6400,
                                       'iscrowd': 0, 'segmentation': [[10, 10, 90, 10, 90, 90, 10, 90]]}]


def test_a_yolo_folder_becomes_an_annotation_file(fix, tmp_path):
    for name in ('images', 'labels'):
        (tmp_path / 'set' / name / 'train').mkdir(parents=True)
    Image.new('RGB', (100, 50)).save(tmp_path / 'set/images/train/1.png')
    (tmp_path / 'set/labels/train/1.txt').write_text('0 0.5 0.5 0.2 0.4\n')
    (tmp_path / 'set/data.yaml').write_text('train: images/train\nval: images/train\nnames: [a]\n')
    code, _, err = fix(tmp_path / 'set', '--part', 'train', '--out', tmp_path / 'train.json')
    assert (code, err) == (0, '')
    content = json.loads((tmp_path / 'train.json').read_text())
    assert content['annotations'][0]['bbox'] == pytest.approx([40, 15, 20, 20])


@pytest.mark.parametrize(('content', 'message'), [
    (None, 'FileNotFoundError'), ('{', 'AnnotationError'), ('[]', 'AnnotationError'), ('{"images": []}', 'AnnotationError'),
    ('{"images": [], "categories": [], "annotations": [{"segments_info": []}]}', 'bad.json: this is a panoptic file'),
    ('{"images": [], "categories": [], "annotations": []}', 'fixed.json: not written: the file has no images'),
])
def test_files_that_cannot_be_fixed(fix, tmp_path, content, message):
    path = tmp_path / 'bad.json'
    if content is not None:
        path.write_text(content)
    code, _, err = fix(path, '--out', tmp_path / 'fixed.json')
    assert code == 1
    assert message in err
    assert err.count('\n') == 1
    assert not (tmp_path / 'fixed.json').exists()


def test_neither_torch_nor_mmdet_is_imported(faulty, run_python):
    code = (f'import sys; from imbdet.cli import main; main(["fix", {str(faulty)!r}]); '
            'print({"torch", "mmdet", "mmcv"} & sys.modules.keys())')
    assert run_python('-c', code).stdout.splitlines()[-1] == 'set()'
