"""What the doctor says of a sound environment and of broken ones, laid before the real packages in the path."""

import sys
from importlib import metadata
from types import SimpleNamespace

import lazy_loader
import packaging
import pytest
import torch
import torchvision
import wrapt
from mmdet.registry import HOOKS, MODELS

import imbdet
from imbdet.cli import doctor_checks, main
from imbdet.cli.doctor import gpu_lines
from imbdet.distributions import mmcv_distribution
from imbdet.mmcv_ops import ops_in_use

from ..stack import DISTRIBUTIONS, ONEDL

DOCTOR = ('-m', 'imbdet', 'doctor')


def rows(said):
    """The text behind each label."""
    return {line[:17].strip(): line[18:] for line in said.splitlines() if line[17:18] == ' '}


def problems(process):
    """The problems that a process told, one a line."""
    assert process.returncode == 1, process.stderr
    assert 'Traceback' not in process.stderr
    lines = process.stdout.splitlines()
    found = [line for line in lines if line.startswith('- ')]
    assert f'{len(found)} problem{"s" if len(found) > 1 else ""}:' in lines
    return found


@pytest.fixture
def lay(tmp_path):
    """A function that lays a module, or a distribution's metadata, into a folder for the path."""
    site = tmp_path / 'site'

    def write(name, version=None, requires=(), code=None):
        folder = site / (name if version is None else f'{name.replace("-", "_")}-{version}.dist-info')
        folder.mkdir(parents=True)
        if version is None:
            (folder / '__init__.py').write_text(code)
        else:
            (folder / 'METADATA').write_text(''.join([f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n',
                                                      *(f'Requires-Dist: {each}\n' for each in requires)]))
        return site

    return write


def test_sound(capsys):
    main(['doctor'])
    said = capsys.readouterr().out
    found = rows(said)
    assert found['imbdet'].startswith(imbdet.__version__)
    assert found['Python'].startswith(sys.version.split()[0])
    assert found['torch'] == metadata.version('torch')
    assert found['stack'] == ('onedl' if ONEDL else 'openmmlab')
    assert found['mmdet'] == f'{metadata.version(DISTRIBUTIONS["mmdet"])} ({DISTRIBUTIONS["mmdet"]})'
    assert found['mmcv'].endswith(f'({mmcv_distribution()})')
    assert said.endswith(f'{ops_in_use()}\n\nNothing is wrong.\n')


def test_several_problems_at_once(run_python, lay):
    other = 'mmcv' if mmcv_distribution() == 'mmcv-lite' else 'mmcv-lite'
    lay(other, '2.1.0')
    site = lay('torchvision', code="raise RuntimeError('operator torchvision::nms does not exist')")
    process = run_python(*DOCTOR, path=[site])
    twice, vision = problems(process)
    assert 'mmcv is installed twice' in twice
    assert 'pip uninstall -y' in twice
    assert 'RuntimeError: operator torchvision::nms does not exist' in vision
    assert vision.endswith(doctor_checks._torchvision_command(metadata.version('torch')))
    assert ' and ' in rows(process.stdout)['mmcv']


def test_torch_that_cannot_be_imported(run_python, lay):
    site = lay('torch', code="raise OSError('libcudart.so.13: cannot open shared object file')")
    process = run_python(*DOCTOR, path=[site])
    problem, = problems(process)
    assert 'torch cannot be imported (OSError: libcudart.so.13: cannot open shared object file)' in problem
    assert problem.endswith('pip install --force-reinstall torch torchvision')
    assert 'GPU' not in process.stdout


def test_nothing_installed(run_python, lay, tmp_path):
    """With the standard library, what imbdet itself imports, and imbdet alone."""
    site = lay('imbdet', imbdet.__version__, ['torch>=2.1', 'lvis>=0.5.3', 'matplotlib; extra == "plots"'])
    for package in (packaging, imbdet, wrapt, lazy_loader):
        (site / package.__name__).symlink_to(package.__path__[0])
    process = run_python('-S', '-s', *DOCTOR, path=[site])
    found = problems(process)
    assert found[0] == "- requirements of imbdet are not met (lvis is not installed): pip install 'lvis>=0.5.3'"
    assert "mmengine is not installed. Install the stack: pip install 'imbdet[openmmlab]'" in found[1]
    assert found[-1] == '- torch is not installed: pip install torch torchvision'
    for name in ('torch', 'mmdet', 'mmcv', 'lvis'):
        assert rows(process.stdout)[name] == 'not installed'


def test_requirements(monkeypatch):
    monkeypatch.setattr(metadata, 'requires', lambda _: [
        'numpy<1', 'lvis>=0.5.3', 'opencv-python>=4.7', 'no-such-thing', 'nor-this; extra == "tests"'])
    versions = {'numpy': '2.0', 'lvis': '0.5.3', 'opencv-python-headless': '4.8'}
    monkeypatch.setattr(doctor_checks, 'installed_version', versions.get)
    with pytest.raises(doctor_checks.Problem) as raised:
        doctor_checks.check_requirements()
    assert str(raised.value).endswith("(numpy 2.0, no-such-thing is not installed): pip install 'numpy<1' 'no-such-thing'")


def test_torchvision_that_computes_something_else(monkeypatch):
    monkeypatch.setattr(torchvision.ops, 'nms', lambda *_: torch.tensor([0, 1]))
    with pytest.raises(doctor_checks.Problem, match=r'its nms keeps boxes \[0, 1\] instead of \[1\]'):
        doctor_checks.check_torchvision()


@pytest.mark.parametrize(('torch_version', 'command'), [
    ('2.11.0', 'torch==2.11.0'), ('2.6.0+cu126', 'torch==2.6.0 --index-url https://download.pytorch.org/whl/cu126')])
def test_the_torchvision_of_a_torch(torch_version, command):
    assert doctor_checks._torchvision_command(torch_version) == (
        f'pip uninstall -y torchvision && pip install torchvision {command}')


def test_mmdet_that_lacks_its_models(monkeypatch, capsys):
    for registry in (MODELS, HOOKS):
        monkeypatch.setattr(registry, 'get', lambda _: None)
    with pytest.raises(SystemExit, match='1'):
        main(['doctor'])
    problem = capsys.readouterr().out.splitlines()[-1]
    assert problem.startswith('- mmdet cannot be used (RetinaNet, GuidedLossHook not registered): pip install --force-re')
    assert f' {DISTRIBUTIONS["mmdet"]}=={metadata.version(DISTRIBUTIONS["mmdet"])}' in problem


def test_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(torch.cuda, 'get_device_properties',
                        lambda index: SimpleNamespace(name=f'H{index}', total_memory=80 * 2**30))
    monkeypatch.setattr(torch.version, 'cuda', '12.6')
    assert list(gpu_lines()) == [('GPU 0', 'H0, 80 GiB; torch is built for CUDA 12.6'),
                                 ('GPU 1', 'H1, 80 GiB; torch is built for CUDA 12.6')]
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.version, 'cuda', None)
    assert list(gpu_lines()) == [('GPU', 'none that torch can use; torch is built without CUDA')]
