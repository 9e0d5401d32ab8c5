"""What imbdet checks of its surroundings before it imports them: one clear message and the command that mends it."""

import importlib
import importlib.util
from importlib import metadata

from packaging.version import Version

OPENMMLAB = {'mmengine': ('0.10.3', '0.11'), 'mmcv': ('2.1.0', '2.2.0'), 'mmdet': ('3.3.0', '3.4')}
"""Distribution of each package in the openmmlab stack, with the lowest version and the first that is too high."""

ONEDL = {'mmengine': ('onedl-mmengine', '0.10.10', '0.11'), 'mmcv': ('onedl-mmcv', '2.3.0', '2.4'),
         'mmdet': ('onedl-mmdetection', '3.5.0', '3.6')}
"""The same for the maintained fork, whose distributions have names of their own."""

BUILD_MMCV = ("pip install 'setuptools<82' wheel ninja psutil && MMCV_WITH_OPS=1 pip install --no-build-isolation "
              '--no-cache-dir --no-deps --force-reinstall --no-binary {distribution} {distribution}=={version}')


class InstallationError(ImportError):
    """A surrounding that imbdet cannot work in."""


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_packages() -> str:
    """Check that mmengine, mmcv and mmdet are there once each, in versions imbdet works with.

    Returns:
        The distribution that brought mmcv: ``'mmcv'`` or ``'onedl-mmcv'``.

    Raises:
        InstallationError: If one is missing, too old, too new, or installed by both stacks.
    """
    brought_by = ''
    for package, (lowest, limit) in OPENMMLAB.items():
        fork, fork_lowest, fork_limit = ONEDL[package]
        version, fork_version = _version(package), _version(fork)
        if version and fork_version:
            raise InstallationError(
                f'{package} is installed twice, by {package} {version} and by {fork} {fork_version}, whose files lie over '
                f'one another. Remove both, then install one stack: pip uninstall -y {package} {fork} && '
                f"pip install 'imbdet[openmmlab]'  (or 'imbdet[onedl]')")
        if fork_version:
            distribution, version, lowest, limit = fork, fork_version, fork_lowest, fork_limit
        else:
            distribution = package
        if version is None:
            raise InstallationError(f"{package} is not installed. Install the stack: pip install 'imbdet[openmmlab]'")
        if not Version(lowest) <= Version(version) < Version(limit):
            raise InstallationError(f'{distribution} {version} is installed, imbdet works with {lowest} up to, but not '
                                    f"including, {limit}: pip install '{distribution}>={lowest},<{limit}'")
        if package == 'mmcv':
            brought_by = distribution
    return brought_by


def check_mmcv_ops(distribution: str) -> None:
    """Check that mmcv's compiled ops are there and fit the installed torch.

    Args:
        distribution: ``'mmcv'`` or ``'onedl-mmcv'``, for the command that mends it.

    Raises:
        InstallationError: If the ops are missing or were built for another torch.
    """
    import torch  # the ops link against its libraries

    command = BUILD_MMCV.format(distribution=distribution, version=_version(distribution))
    try:
        importlib.import_module('mmcv._ext')
    except ModuleNotFoundError as error:
        raise InstallationError("mmcv is installed without its compiled ops (no mmcv._ext): it was built where pip's "
                                f'isolated environment has no torch. Build it anew: {command}') from error
    except ImportError as error:
        raise InstallationError(f'mmcv was built for another torch than {torch.__version__}, which is installed '
                                f'({error}). Build it anew: {command}') from error


def check_pkg_resources(distribution: str) -> None:
    """Check that pkg_resources is there, by which mmengine 0.10 finds ``mmdet::`` and ``imbdet::`` bases.

    Args:
        distribution: ``'mmcv'`` or ``'onedl-mmcv'``; the fork's mmengine does without.

    Raises:
        InstallationError: If setuptools is missing or too new to have it.
    """
    if distribution == 'mmcv' and importlib.util.find_spec('pkg_resources') is None:
        found = f'setuptools {_version("setuptools")} is' if _version('setuptools') else 'no setuptools is'
        raise InstallationError(f'mmengine needs pkg_resources, which setuptools 82 removed; {found} installed: '
                                "pip install 'setuptools<82'")


def check_installation() -> None:
    """Run all checks.

    Raises:
        InstallationError: With the command that mends what was found.
    """
    distribution = check_packages()
    check_pkg_resources(distribution)
    check_mmcv_ops(distribution)
