"""The examples of configs/README.md, taken out of the page and run for two iterations."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from imbdet.cli.runs import load_config

from .forked_python import fork_python
from .tiny_training import scalars, write_training_set

ROOT = Path(__file__).parents[1]
README = ROOT / 'configs/README.md'
CLASSES = ('screw', 'nut', 'washer', 'rivet', 'burr')
EXAMPLES = ('1. Your own data', '2. Your own backbone', '3. Your own detector')
# No download, no images to scale up, no checkpoints to fill the disk. The page has everything else that the commands need.
TINY = ('default_hooks.checkpoint.interval=2', 'default_hooks.checkpoint.save_last=False', 'model.backbone.init_cfg=None',
        'train_dataloader.dataset.pipeline.2.scale=(128,96)', 'val_dataloader.dataset.pipeline.1.scale=(128,96)',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False', 'val_dataloader.num_workers=0',
        'val_dataloader.persistent_workers=False', 'val_dataloader.dataset.indices=2')
RESNET_18 = ('model.backbone.depth=18', 'model.neck.in_channels=[64,128,256,512]')


def section(heading):
    """The text below a heading of the page, up to the next one."""
    return re.search(rf'^##+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)', README.read_text(), re.M | re.S)[1]


def files():
    """Contents of the page's files, by name."""
    return dict(re.findall(r'^\*\*`([^`]+)`\*\*\n\n```python\n(.*?)^```$', README.read_text(), re.M | re.S))


def commands(heading):
    """Tool and arguments of the commands of a section, in order."""
    blocks = re.findall(r'^```bash\n(.*?)^```$', section(heading), re.M | re.S)
    lines = [line for block in blocks for line in block.replace('\\\n', ' ').splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith('python tools/')]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with the files of the page and eight images of five classes."""
    path = tmp_path_factory.mktemp('examples')
    for name, content in files().items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(content)
    parts = path / 'data/parts'
    write_training_set(parts)
    content = json.loads((parts / 'train.json').read_text())
    content['categories'] = [{'id': index, 'name': name} for index, name in enumerate(CLASSES)]
    for index, annotation in enumerate(content['annotations']):
        annotation['category_id'] = index % len(CLASSES)
    (parts / 'annotations').mkdir()
    for split in ('train', 'val'):
        (parts / f'annotations/{split}.json').write_text(json.dumps(content))
    return path


@pytest.fixture(scope='module')
def run_example(folder):
    """A function that runs the commands of a section and returns what the training logged, as numbers and as text."""
    (_, _, *check), = [each for each in commands('Check a config') if 'CONFIG' in each]

    def run(heading, *options):
        for tool, *arguments in commands(heading):
            training = tool == 'tools/train.py'
            if training:
                work_dir = folder / 'work_dirs' / Path(arguments[0]).stem
                arguments += [*check, *TINY, *options, '--work-dir', work_dir]
            process = fork_python(ROOT / tool, *arguments, path=[folder], cwd=folder)
            assert process.returncode == 0, process.stderr
        log, = work_dir.glob('*/*.log')
        return scalars(work_dir), log

    return run


def test_the_page_has_the_files_and_commands_that_are_tested():
    assert len(files()) == 5
    assert all(name.startswith(('my_configs/', 'my_models/')) for name in files())
    assert set(re.findall(r'my_(?:configs|models)/\S+\.py', README.read_text())) == set(files())
    for heading in EXAMPLES:
        assert commands(heading)[-1][0] == 'tools/train.py'


def test_data(run_example):
    (first, second, validation), log = run_example(EXAMPLES[0], *RESNET_18)
    assert first['loss_cls'] > 0
    assert second['iter'] == 2
    assert validation['coco/bbox_APr'] >= 0
    assert 'RepeatFactorSampler (irfs, threshold 0.01)' in log.read_text()
    rows = list(csv.DictReader((log.parent / 'class_ap_bbox.csv').open()))
    assert [(row['name'], row['frequency']) for row in rows] == [(name, 'r') for name in CLASSES]


@pytest.mark.slow  # the other two run all commands of the page but its own
def test_backbone(run_example):
    (first, second, validation), log = run_example(EXAMPLES[1])
    for iteration in (first, second):
        assert iteration['guided_weight_cls'] > 0
        assert iteration['loss_cls'] == pytest.approx(iteration['loss_bbox'], rel=1e-4)
    assert validation['coco/bbox_AP'] >= 0
    assert 'OptimalBiasInitHook: bbox_head: prior ' in log.read_text()


def test_detector(run_example):
    (first, second, validation), log = run_example(EXAMPLES[2])
    for iteration in (first, second):
        assert iteration['loss_class'] == pytest.approx(5 * iteration['loss_sides'], rel=1e-4)
        assert iteration['loss'] == pytest.approx(iteration['loss_class'] + iteration['loss_sides'], rel=1e-4)
        assert 0 < iteration['equity_weight_min'] <= iteration['equity_weight_mean']
    assert validation['coco/bbox_AP'] >= 0
    text = log.read_text()
    assert 'OptimalBiasInitHook: head: prior ' in text
    assert 'applied to all of head' in text
    assert 'RepeatFactorSampler (irfs' in text
    assert 'PointHead is supported like the heads that it is derived from, but no test of imbdet covers it' in text


def test_module_that_is_not_found(folder):
    name = 'my_configs/retinanet_mobilenet-v3_fpn_sampling-free_1x_parts.py'
    with pytest.raises(ValueError, match=rf"{name} \(.*: No module named 'my_models', hence (.|\n)*set `PYTHONPATH`"):
        load_config(folder / name)


def test_module_that_lacks_another(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'my_neck.py').write_text('import a_package_that_is_not_installed\n')
    (tmp_path / 'config.py').write_text("custom_imports = dict(imports=['my_neck'], allow_failed_imports=False)\n")
    with pytest.raises(ValueError, match=r"config\.py \(or one of its bases\) cannot be read: "
                                         r".*: No module named 'a_package_that_is_not_installed', hence .*my_neck"):
        load_config(tmp_path / 'config.py')


def test_links():
    links = [link.split('#')[0] for link in re.findall(r'\]\(([^)]+)\)', README.read_text())]
    assert [link for link in links if not (README.parent / link).exists()] == []
    folders = {path.name for path in README.parent.iterdir() if path.is_dir()}
    assert folders <= {link.split('/')[0] for link in links}
