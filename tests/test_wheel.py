"""A built wheel, installed apart from the checkout, serves its configs and tools and mmdet's own train.py."""

import csv
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONS = ('train_cfg.max_iters=2', 'train_cfg.val_interval=100', 'default_hooks.checkpoint.interval=2',
           'train_dataloader.batch_size=1', 'train_dataloader.num_workers=0',
           'train_dataloader.persistent_workers=False')

MMDET_USERS_CONFIG = '''
_base_ = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(backbone=dict(init_cfg=None), bbox_head=dict(num_classes=3))
data = dict(data_root='data/mine/', metainfo=dict(classes=('a', 'b', 'c')), ann_file='train.json',
            data_prefix=dict(img='images/'))
train_pipeline = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(64, 64)), dict(type='PackDetInputs')]
train_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False,
    dataset=dict(pipeline=train_pipeline, **data),
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=0.9))
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, _delete_=True)
default_hooks = dict(checkpoint=dict(by_epoch=False))
'''


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--outdir', folder, ROOT]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return next(folder.glob('*.whl'))


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """An environment that has the wheel of its own, and torch, mmdet and the rest from this one's site-packages.

    A path file makes those importable; the editable install of the checkout that may lie among them stays hidden,
    because path files inside a folder that a path file names are not read.
    """
    folder = tmp_path_factory.mktemp('installed')
    subprocess.run([sys.executable, '-m', 'venv', folder / 'venv', '--without-pip'], check=True)
    python = folder / 'venv/bin/python'
    site = Path(subprocess.run([python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'],
                               capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    stack = Path(sysconfig.get_path('purelib'))
    distutils = stack / 'distutils-precedence.pth'  # setuptools' own, by which mmengine has distutils from Python 3.12 on
    (site / 'stack.pth').write_text(f'{stack}\n{distutils.read_text()}')
    return python


@pytest.fixture
def work(digits, tmp_path):
    """A folder with data and no checkout near."""
    from .test_configs import write_data_set
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/digits_longtail').symlink_to(digits)
    write_data_set(tmp_path / 'data/mine/train.json', tmp_path / 'data/mine/images', ('a', 'b', 'c'))
    return tmp_path


def run(python, *arguments, cwd):
    process = subprocess.run([str(argument) for argument in (python, *arguments)], cwd=cwd, capture_output=True,
                             text=True, timeout=600)
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout


def test_wheel_holds_configs_and_tools(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ('configs', 'tools'):
        shipped = {f'imbdet/.mim/{path.relative_to(ROOT)}' for path in (ROOT / folder).rglob('*')
                   if path.is_file() and '__pycache__' not in path.parts}
        assert shipped
        assert shipped == {name for name in names if name.startswith(f'imbdet/.mim/{folder}/')}
    assert 'imbdet/.mim/model-index.yml' in names
    assert 'imbdet/py.typed' in names
    assert 'imbdet_mmcv_ops.pth' in names
    assert not [name for name in names if name.startswith(('tests', 'configs', 'tools'))]
    assert len(names) == len(set(names))


def test_train_with_an_imbdet_base(installed, work):
    origin = run(installed, '-c', 'import imbdet; print(imbdet.__file__)', cwd=work).splitlines()[-1]
    assert not origin.startswith(str(ROOT / 'imbdet'))
    (work / 'mine.py').write_text("_base_ = 'imbdet::quickstart/retinanet_r18_irfs_400i_digits.py'\n")
    run(installed, '-m', 'imbdet', 'train', 'mine.py', '--cfg-options', *OPTIONS, cwd=work)
    assert (work / 'work_dirs/mine/iter_2.pth').is_file()
    table = next((work / 'work_dirs/mine').rglob('class_ap_bbox.csv'))
    assert len(list(csv.DictReader(table.open()))) == 20


def test_report(installed, work):
    said = run(installed, '-m', 'imbdet', 'report', 'data/mine/train.json', cwd=work)
    assert 'wrote work_dirs/imbalance_report/train/index.html' in said


def test_mmdets_own_train_py(installed, work):
    (work / 'mine.py').write_text(MMDET_USERS_CONFIG)
    mmdet = run(installed, '-c', 'import mmdet; print(mmdet.__path__[0])', cwd=work).strip()
    script = shutil.copy(Path(mmdet) / '.mim/tools/train.py', work / 'mmdet_train.py')
    run(installed, script, 'mine.py', cwd=work)
    assert (work / 'work_dirs/mine/iter_2.pth').is_file()
    assert 'RepeatFactorSampler (irfs, threshold 0.9)' in next((work / 'work_dirs/mine').rglob('*.log')).read_text()


@pytest.fixture
def would_install(wheel, tmp_path):
    """A function that says what pip would install next to distributions that consist of metadata only."""
    subprocess.run([sys.executable, '-m', 'venv', tmp_path / 'venv'], check=True)
    python = tmp_path / 'venv/bin/python'
    site = Path(run(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))', cwd=tmp_path).strip())

    def ask(requirement, there):
        for name, version in there.items():
            info = site / f'{name.replace("-", "_")}-{version}.dist-info'
            info.mkdir()
            (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        said = run(python, '-m', 'pip', 'install', '--dry-run', f'{requirement} @ {wheel.as_uri()}', cwd=tmp_path)
        line = next(line for line in said.splitlines() if line.startswith('Would install'))
        return {item.rpartition('-')[0] for item in line.split()[2:]}

    return ask


OLDER_STACK = {'torch': '2.1.0', 'torchvision': '0.16.0', 'numpy': '1.26.4', 'mmengine': '0.10.3', 'mmcv': '2.1.0',
               'mmdet': '3.3.0', 'opencv-python': '4.8.1.78', 'pycocotools': '2.0.7', 'matplotlib': '3.8.4', 'scipy': '1.11.4'}


@pytest.mark.slow  # asks the package index
def test_an_existing_mmdet_stays(would_install):
    found = would_install('imbdet', OLDER_STACK)
    assert 'lvis' in found
    assert not found & {*OLDER_STACK, 'mmcv-lite', 'setuptools'}


@pytest.mark.slow  # asks the package index
def test_the_extra_brings_the_stack(would_install):
    found = would_install('imbdet[openmmlab]', {'torch': '2.11.0', 'torchvision': '0.26.0'})
    assert {'mmengine', 'mmcv-lite', 'mmdet', 'imbdet'} <= found
    assert not found & {'mmcv', 'torch', 'torchvision'}
