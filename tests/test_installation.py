"""Import checks, on packages laid before the real ones in the path."""

import sysconfig
from importlib import metadata
from pathlib import Path

import lazy_loader
import packaging
import pytest
import wrapt

import imbdet
from imbdet.distributions import mmcv_distribution

from .stack import DISTRIBUTIONS, FORKS, ONEDL, OTHERS

IMPORT = ('-c', 'import mmengine, imbdet')


@pytest.fixture
def lay(tmp_path):
    """A function that lays a distribution's metadata, and empty modules, into a folder."""

    def write(distribution, version, *modules):
        info = tmp_path / 'site' / f'{distribution.replace("-", "_")}-{version}.dist-info'
        info.mkdir(parents=True)
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n')
        for module in modules:
            path = tmp_path / 'site' / module
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / 'site'

    return write


def message(process):
    assert process.returncode == 1
    return process.stderr.splitlines()[-1]


@pytest.mark.parametrize('code', ['import mmengine, imbdet', 'import imbdet, mmengine'])
def test_sound_installation(run_python, code):
    process = run_python('-c', code)
    assert process.returncode == 0, process.stderr


def test_import_by_itself_is_light(run_python):
    heavy = {'torch', 'mmengine', 'mmcv', 'mmdet', 'numpy'}
    process = run_python('-c', f'import sys, imbdet; print({heavy} & sys.modules.keys())')
    assert process.stdout.strip() == 'set()', process.stderr


@pytest.mark.parametrize('code', [
    'import imbdet; from mmdet.registry import HOOKS; print(HOOKS.get("GuidedLossHook"))',
    'from mmdet.registry import HOOKS; HOOKS.get("EMAHook"); import imbdet; print(HOOKS.module_dict["GuidedLossHook"])'])
def test_components_are_registered(run_python, code):
    process = run_python('-c', code)
    assert process.stdout.splitlines()[-1] == "<class 'imbdet.sampling_free.guided_loss.GuidedLossHook'>", process.stderr


def test_every_component_is_registered_by_registration(run_python):
    """A file that registers a class and is not imported by imbdet.registration would be found by nobody."""
    root = Path(imbdet.__file__).parent
    modules = sorted('.'.join(path.relative_to(root.parent).with_suffix('').parts)
                     for path in root.rglob('*.py') if '.register_module(' in path.read_text())
    assert len(modules) >= 15
    process = run_python('-c', f'import sys, imbdet.registration; print([m for m in {modules} if m not in sys.modules])')
    assert process.stdout.splitlines()[-1] == '[]', process.stderr


@pytest.mark.parametrize(('package', 'version', 'range_'), [
    ('mmdet', '3.6.0', '>=3.5.0,<3.6'), ('mmcv', '2.2.9', '>=2.3.0,<2.4'), ('mmengine', '0.10.9', '>=0.10.10,<0.11')
] if ONEDL else [
    ('mmdet', '3.2.0', '>=3.3.0,<3.4'), ('mmcv', '2.2.0', '>=2.1.0,<2.2.0'), ('mmengine', '0.10.2', '>=0.10.3,<0.11')
])
def test_version_out_of_range(run_python, lay, package, version, range_):
    distribution = mmcv_distribution() if package == 'mmcv' else DISTRIBUTIONS[package]
    text = message(run_python(*IMPORT, path=[lay(distribution, version)]))
    assert f'InstallationError: {distribution} {version} is installed' in text
    assert text.endswith(f"pip install '{distribution}{range_}'")


@pytest.mark.parametrize('package', FORKS)
def test_both_stacks(run_python, lay, package):
    text = message(run_python(*IMPORT, path=[lay(OTHERS[package], '9.9')]))
    assert f'{package} is installed twice' in text
    assert 'pip uninstall -y' in text
    assert OTHERS[package] in text.partition('pip uninstall -y')[2]


def test_mmcv_and_mmcv_lite(run_python, lay):
    other = 'mmcv' if mmcv_distribution() == 'mmcv-lite' else 'mmcv-lite'
    text = message(run_python(*IMPORT, path=[lay(other, '2.1.0')]))
    assert 'mmcv is installed twice' in text
    assert text.endswith("&& pip install 'mmcv-lite>=2.1.0,<2.2.0'")


@pytest.fixture
def mmcv():
    """Distribution and version of the installed mmcv."""
    return mmcv_distribution(), metadata.version(mmcv_distribution())


def test_mmcv_of_another_torch(run_python, lay, mmcv):
    site = lay(*mmcv, 'mmcv/__init__.py')
    # An extension module that the dynamic linker refuses, as it does one with a symbol that torch no longer has.
    (site / f'mmcv/_ext{sysconfig.get_config_var("EXT_SUFFIX")}').write_bytes(b'no library')
    text = message(run_python(*IMPORT, path=[site]))
    assert 'mmcv was built for another torch' in text
    assert 'MMCV_WITH_OPS=1 pip install --no-build-isolation' in text
    assert f'pip uninstall -y {mmcv[0]} && pip install' in text


def test_setuptools_without_pkg_resources(run_python, tmp_path):
    """Seen from a folder of its own that holds all the other packages. The fork does without."""
    site = tmp_path / 'site'
    site.mkdir()
    for entry in Path(sysconfig.get_path('purelib')).iterdir():
        if not entry.name.startswith(('pkg_resources', 'setuptools', '__editable__', '_')) and entry.suffix != '.pth':
            (site / entry.name).symlink_to(entry)
    (site / 'imbdet').symlink_to(Path(imbdet.__file__).parent)
    process = run_python('-S', '-s', *IMPORT, path=[site])
    if ONEDL:
        assert process.returncode == 0, process.stderr
    else:
        assert message(process).endswith("no setuptools is installed: pip install 'setuptools<82'")


def test_nothing_installed(run_python, tmp_path):
    """With the standard library, what imbdet itself imports, and imbdet alone."""
    for package in (packaging, imbdet, wrapt, lazy_loader):
        (tmp_path / package.__name__).symlink_to(package.__path__[0])
    process = run_python('-S', '-s', '-c', 'from imbdet.installation import check_installation; check_installation()',
                         path=[tmp_path])
    assert 'mmengine is not installed' in message(process)
    assert "pip install 'imbdet[openmmlab]'" in message(process)
