"""tools/data/hdbpmn2coco.py on a small tree of hdBPMN's layout, against values worked by hand."""

import json
import sys
from pathlib import Path

import pytest
from mmdet.datasets import CocoDataset
from PIL import Image, ImageDraw

from imbdet.annotations import check_annotations

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/data/hdbpmn2coco.py'
TASK, GATEWAY, POOL, MESSAGE = 1, 2, 3, 12
HEAD = ('<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" '
        'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC">')
PLACES = {'x': 0, 'y': 1, 'width': 2, 'height': 3}


def shape(name, box):
    bounds = ' '.join(f'{key}="{box[place]}"' for key, place in PLACES.items())
    return (f'<di:BPMNShape id="{name}_di" bpmnElement="{name}"><dc:Bounds {bounds}/><di:BPMNLabel><dc:Bounds x="0" y="0" '
            'width="9" height="9"/></di:BPMNLabel></di:BPMNShape>')


def bpmn(*shapes, width=1000, head=HEAD):
    """A label file of (tag, children, box) with the width of the image that the annotators saw."""
    elements = ''.join(f'<{tag} id="e{number}"><outgoing>f</outgoing>{children}</{tag}>'
                       for number, (tag, children, _) in enumerate(shapes))
    places = ''.join(shape(f'e{number}', box) for number, (_, _, box) in enumerate(shapes))
    return (f'<?xml version="1.0"?>\n<!-- {{"backgroundSize":{width}}} -->\n{head}<process id="p">{elements}'
            '<sequenceFlow id="f"/></process><di:BPMNDiagram><di:BPMNPlane bpmnElement="p">'
            f'{places}<di:BPMNEdge bpmnElement="f"/></di:BPMNPlane></di:BPMNDiagram></definitions>')


SPLIT = 'writer,split\nwriter0001,train\nwriter0002,val\nwriter0003,test\nwriter0009,train\n'
# Image size and labels. Of 00_0001, image pixels are 1.28 pixels of the written image, and 2 of the annotators'.
DIAGRAMS = {
    'ex00_writer0001.jpg': ((500, 250), bpmn(
        ('task', '', (100, 200, 300, 100)), ('exclusiveGateway', '', (-10, 480.5, 40, 30)),
        ('intermediateThrowEvent', '<messageEventDefinition id="m"/>', (700, 20, 50, 60)))),
    'ex00_writer0002.jpg': ((160, 320), bpmn(('participant', '', (0, 0, 80, 160)), width=80)),
    'ex01_writer0001.png': ((640, 480), bpmn(('task', '', (600, 10, 60, 10)), width=640)),
    'ex01_writer0003.png': ((1280, 64), bpmn(('task', '', (640, 16, 64, 32)), width=1280)),
    'ex10_writer0001.jpg': ((100, 100), bpmn(('task', '', (10, 10, 50, 50)), width=100)),
}


@pytest.fixture
def tool(load_tool):
    return load_tool('tools/data/hdbpmn2coco.py')


@pytest.fixture
def hdbpmn(tmp_path):
    root = tmp_path / 'hdBPMN'
    for name, (size, text) in DIAGRAMS.items():
        labels(root, name).parent.mkdir(parents=True, exist_ok=True)
        labels(root, name).write_text(text)
        image(root, name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', size, 'white').save(image(root, name))
    (root / 'data/writer_split.csv').write_text(SPLIT)
    return root


def labels(root, name='ex00_writer0001'):
    return root / f'data/annotations/{name[:4]}/{name[:15]}.bpmn'


def image(root, name='ex00_writer0001.jpg'):
    return root / f'data/images/{name[:4]}/{name}'


@pytest.fixture
def convert(tool, hdbpmn, tmp_path, monkeypatch, capsys):
    """A function that runs the tool in this process and returns its output."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['x', str(hdbpmn), '--out', str(tmp_path / 'out'), *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def error(convert, tmp_path, capsys):
    """A function that runs the tool on something wrong and returns the line that it ends in; no JSON file may be left."""

    def run(*arguments):
        with pytest.raises(SystemExit):
            convert(*arguments)
        assert [path for path in tmp_path.glob('out/*') if path.is_file()] == []
        return capsys.readouterr().err.splitlines()[-1]

    return run


def contents(folder):
    return {part: json.loads((folder / f'{part}.json').read_text()) for part in ('train', 'val', 'test')}


def entry(number, image_id, label, bbox, area):
    return {'id': number, 'image_id': image_id, 'category_id': label, 'bbox': bbox, 'area': area, 'iscrowd': 0}


def test_boxes_by_hand(convert, tmp_path):
    output = convert()
    found = contents(tmp_path / 'out')
    assert found['train']['images'] == [{'id': 1, 'file_name': 'ex00_writer0001.jpg', 'width': 640, 'height': 320},
                                        {'id': 5, 'file_name': 'ex10_writer0001.jpg', 'width': 640, 'height': 640}]
    assert found['train']['annotations'] == [
        entry(1, 1, TASK, [64, 128, 192, 64], 12288), entry(2, 1, GATEWAY, [0, 307.52, 19.2, 12.48], 239.62),
        entry(3, 1, MESSAGE, [448, 12.8, 32, 38.4], 1228.8), entry(5, 5, TASK, [64, 64, 320, 320], 102400)]
    assert found['val']['images'] == [{'id': 2, 'file_name': 'ex00_writer0002.jpg', 'width': 320, 'height': 640}]
    assert found['val']['annotations'] == [entry(1, 2, POOL, [0, 0, 320, 640], 204800)]
    assert found['test']['images'] == [{'id': 4, 'file_name': 'ex01_writer0003.jpg', 'width': 640, 'height': 32}]
    assert found['test']['annotations'] == [entry(1, 4, TASK, [320, 8, 32, 16], 512)]
    for content in found.values():
        assert len(content['categories']) == 22
        assert [content['categories'][label - 1] for label in (TASK, GATEWAY, POOL, MESSAGE)] == [
            {'id': TASK, 'name': 'task'}, {'id': GATEWAY, 'name': 'exclusiveGateway'}, {'id': POOL, 'name': 'pool'},
            {'id': MESSAGE, 'name': 'intermediateThrowEvent_message'}]
        for written in content['images']:
            with Image.open(tmp_path / 'out/images' / written['file_name']) as picture:
                assert (picture.size, picture.format) == ((written['width'], written['height']), 'JPEG')
    assert 'task                                  2      0      1' in output
    assert 'train.json: 2 images, 4 boxes' in output


def test_a_box_far_outside_leaves_its_image_out(convert, hdbpmn, tmp_path):
    assert 'ex01_writer0001 is left out: a box is beyond the image by more than 3% of its size' in convert()
    assert not (tmp_path / 'out/images/ex01_writer0001.jpg').exists()
    labels(hdbpmn, 'ex01_writer0001').write_text(bpmn(('task', '', (600, 10, 59, 10)), width=640))  # 19 of 640: 2.97 %
    assert 'left out' not in convert()
    train = contents(tmp_path / 'out')['train']
    assert [box['id'] for box in train['annotations']] == [1, 2, 3, 4, 5]
    assert train['annotations'][3] == entry(4, 3, TASK, [600, 10, 40, 10], 400)


def test_boxes_are_where_the_shapes_are(convert, hdbpmn, tmp_path):
    path = image(hdbpmn, 'ex00_writer0002.jpg')
    picture = Image.new('RGB', (800, 600), 'white')
    ImageDraw.Draw(picture).rectangle((200, 150, 399, 449), 'black')
    picture.save(path)
    labels(hdbpmn, 'ex00_writer0002').write_text(bpmn(('task', '', (500, 375, 500, 750)), width=2000))
    convert()
    x, y, width, height = contents(tmp_path / 'out')['val']['annotations'][0]['bbox']
    with Image.open(tmp_path / 'out/images/ex00_writer0002.jpg') as written:
        dark = written.convert('L').point(lambda value: 255 * (value < 128)).getbbox()
    assert (x, y, x + width, y + height) == dark


def test_images_are_kept(convert, hdbpmn, tmp_path):
    convert('--max-size', 0)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['test.json', 'train.json', 'val.json']
    found = contents(tmp_path / 'out')
    assert found['train']['images'][0] == {'id': 1, 'file_name': 'ex00/ex00_writer0001.jpg', 'width': 500, 'height': 250}
    assert found['train']['annotations'][0] == entry(1, 1, TASK, [50, 100, 150, 50], 7500)
    assert found['test']['images'][0]['file_name'] == 'ex01/ex01_writer0003.png'
    for content in found.values():
        assert all((hdbpmn / 'data/images' / written['file_name']).is_file() for written in content['images'])


def test_another_size(convert, tmp_path):
    convert('--max-size', 100)
    found = contents(tmp_path / 'out')['train']
    assert (found['images'][0]['width'], found['images'][0]['height']) == (100, 50)
    assert found['annotations'][0]['bbox'] == [10, 20, 30, 10]


def test_left_out_images_have_no_id(convert, tmp_path):
    (tmp_path / 'left_out.txt').write_text('ex00_writer0001\n')
    convert('--leave-out', tmp_path / 'left_out.txt')
    found = contents(tmp_path / 'out')
    assert [(one['id'], one['file_name']) for one in found['train']['images']] == [(4, 'ex10_writer0001.jpg')]
    assert [box['id'] for box in found['train']['annotations']] == [2]
    assert found['val']['images'][0]['id'] == 1


def test_imbdet_and_mmdet_read_it(convert, tmp_path):
    convert()
    for part, content in contents(tmp_path / 'out').items():
        classes = [category['name'] for category in content['categories']]
        assert check_annotations(tmp_path / f'out/{part}.json', classes).lines() == []
        dataset = CocoDataset(ann_file=str(tmp_path / f'out/{part}.json'), data_prefix={'img': str(tmp_path / 'out/images')},
                              metainfo={'classes': classes}, pipeline=[], test_mode=True)
        corners = [[x, y, x + width, y + height] for x, y, width, height in (box['bbox'] for box in content['annotations'])]
        assert [instance['bbox'] for index in range(len(dataset))
                for instance in dataset.get_data_info(index)['instances']] == corners


def test_every_class(convert, hdbpmn, tmp_path):
    """Of an event, one class for each kind; other children than definitions of events do not matter."""
    events = [('startEvent', 'message', 8), ('startEvent', 'timer', 18), ('endEvent', 'terminate', 19), ('endEvent', '', 4),
              ('intermediateCatchEvent', 'timer', 11), ('intermediateThrowEvent', '', 21), ('startEvent', '', 10)]
    others = [('subProcess', 17), ('dataStoreReference', 13), ('inclusiveGateway', 22), ('participant', 3)]
    labels(hdbpmn).write_text(bpmn(
        *((tag, f'<{kind}EventDefinition/>' if kind else '', (1, 1, 9, 9)) for tag, kind, _ in events),
        *((tag, '', (1, 1, 9, 9)) for tag, _ in others)))
    convert()
    found = [box['category_id'] for box in contents(tmp_path / 'out')['train']['annotations'] if box['image_id'] == 1]
    assert found == [label for *_, label in (*events, *others)]


def test_as_a_process(hdbpmn, run_python, tmp_path):
    process = run_python(TOOL, hdbpmn, '--out', tmp_path / 'out')
    assert process.returncode == 0, process.stderr
    assert '%|' not in process.stderr  # no progress bar where there is no terminal


@pytest.mark.parametrize(('text', 'message'), [
    ('<definitions>', 'is not readable XML (no element found'),
    (bpmn().replace('backgroundSize', 'size'), 'has no comment with backgroundSize'),
    (bpmn(width=0), 'has no comment with backgroundSize'),
    (bpmn(('boundaryEvent', '', (1, 1, 2, 2))), "shape of e0: unknown class 'boundaryEvent'; check it out again"),
    (bpmn(('endEvent', '<signalEventDefinition/>', (1, 1, 2, 2))), "shape of e0: unknown class 'endEvent_signal'"),
    (bpmn(('task', '', (1, 1, 2, 2)), ('task', '', (1, 1, 0, 2))), 'positive, got 1.0, 1.0, 0.0, 2.0; check'),
    *((bpmn(('task', '', box)), 'shape of e0: x and y must be finite, width and height positive, got ')
      for box in [(1, 1, 'nan', 2), (1, 1, 2, 'nan'), ('nan', 1, 2, 2), (1, '-inf', 2, 2), (1, 1, 2, -1)]),
    (bpmn(('task', '', (1, 'up', 2, 2))), 'shape of e0: the Bounds have no numbers x, y, width and height'),
    (bpmn(('task', '', (1, 1, 2, 2))).replace('dc:Bounds', 'dc:Box'), 'shape of e0: the Bounds have no numbers'),
    (bpmn(('task', '', (1, 1, 2, 2))).replace('bpmnElement="e0"', 'bpmnElement="e7"'), 'shape of e7: there is no element of'),
])
def test_wrong_labels(error, hdbpmn, text, message):
    labels(hdbpmn).write_text(text)
    found = error()
    assert f'AnnotationError: {labels(hdbpmn)}' in found
    assert message in found


def test_missing_image(error, hdbpmn):
    image(hdbpmn).unlink()
    assert (f'FileNotFoundError: {labels(hdbpmn)} has no image ex00_writer0001.jpg or .png (1 have none); check it out, or '
            'list') in error()


def test_image_without_labels(convert, hdbpmn, tmp_path):
    assert 'no labels' not in convert()
    labels(hdbpmn).unlink()
    assert 'images that have no labels or are listed in --leave-out, skipped: 1' in convert()
    assert [one['id'] for one in contents(tmp_path / 'out')['train']['images']] == [4]


@pytest.mark.parametrize('kept', [0, 30, 700])
def test_broken_image(error, hdbpmn, kept):
    path = image(hdbpmn)
    path.write_bytes(path.read_bytes()[:kept])
    assert f'ValueError: {path} is not a readable image; ' in error()


def test_wrong_split(error, hdbpmn):
    path = hdbpmn / 'data/writer_split.csv'
    path.write_text(SPLIT.replace('writer0002,val\n', ''))
    assert f"ValueError: {labels(hdbpmn, 'ex00_writer0002')}: data/writer_split.csv has no writer 'writer0002'" in error()
    path.write_text(SPLIT.replace('writer0002,val', 'writer0002,valid'))
    assert f"ValueError: {path}: the split of writer0002 must be one of train, val, test, got 'valid'" in error()
    path.unlink()
    assert 'writer_split.csv' in error()


def test_wrong_arguments(error, hdbpmn, tmp_path):
    assert 'ValueError: --max-size must be positive, or 0 to keep the images, got -1' in error('--max-size', -1)
    (tmp_path / 'names').write_text('ex77_writer0001')
    assert f"ValueError: {tmp_path / 'names'}: 'ex77_writer0001' is not the name of an image" in error(
        '--leave-out', tmp_path / 'names')
    (hdbpmn / 'data/annotations').rename(tmp_path / 'moved')
    assert f'FileNotFoundError: no files *.bpmn in {hdbpmn / "data/annotations"}; check out hdBPMN there' in error()


def test_the_stored_names_are_names_of_diagrams():
    names = (ROOT / 'benchmarks/data/hdbpmn_left_out.txt').read_text().split()
    assert len(names) == len(set(names)) == 704 - 691 - 3
    assert all(len(name) == 15 and name[:2] == 'ex' and name[4:11] == '_writer' for name in names)
