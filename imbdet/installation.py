"""Checks of the installed packages, with the command that fixes each problem."""

import importlib
import importlib.util

from packaging.version import Version

from imbdet import mmcv_ops
from imbdet.distributions import (
    MMCV_LITE,
    ONEDL,
    OPENMMLAB,
    build_command,
    distribution_names,
    installed_version,
    is_onedl,
    mmcv_distribution,
)


class InstallationError(ImportError):
    """An environment in which imbdet cannot work."""


def check_package(package: str) -> None:
    """Check that a package of the stack is installed exactly once, in a supported version.

    Args:
        package: ``'mmengine'``, ``'mmcv'`` or ``'mmdet'``.

    Raises:
        InstallationError: If it is missing, too old, too new, or installed twice.
    """
    lowest, limit = OPENMMLAB[package]
    fork, fork_lowest, fork_limit = ONEDL[package]
    there = {name: version for name in distribution_names(package) if (version := installed_version(name))}
    if len(there) > 1:
        raise InstallationError(_installed_twice(package, there))
    if not there:
        raise InstallationError(_missing(package))
    (distribution, version), = there.items()
    if distribution == fork:
        lowest, limit = fork_lowest, fork_limit
    if not Version(lowest) <= Version(version) < Version(limit):
        raise InstallationError(f'{distribution} {version} is installed, but imbdet needs {distribution}>={lowest},<{limit}: '
                                f"pip install '{distribution}>={lowest},<{limit}'")


def check_packages() -> None:
    """Check mmengine, mmcv and mmdet with :func:`check_package`.

    Raises:
        InstallationError: For the first problem.
    """
    for package in OPENMMLAB:
        check_package(package)


def _installed_twice(package: str, there: dict[str, str]) -> str:
    found = ' and by '.join(f'{name} {version}' for name, version in there.items())
    text = (f'{package} is installed twice, by {found}, whose files overwrite each other. Remove both, then install one: '
            f'pip uninstall -y {" ".join(there)} && pip install ')
    if MMCV_LITE in there:
        return text + f"'{MMCV_LITE}>={OPENMMLAB['mmcv'][0]},<{OPENMMLAB['mmcv'][1]}'"
    return text + "'imbdet[openmmlab]'  (or 'imbdet[onedl]')"


def _missing(package: str) -> str:
    """Return how to install a package: not with the extra if an mmcv is installed, which mmcv-lite would overwrite."""
    lowest, limit = OPENMMLAB[package]
    if mmcv_distribution() is None or package == 'mmcv':
        if any(installed_version(name) for name in ('mmengine', 'mmdet')) and package == 'mmcv':
            return f"mmcv is not installed: pip install '{MMCV_LITE}>={lowest},<{limit}'"
        return f"{package} is not installed. Install the stack: pip install 'imbdet[openmmlab]'"
    return f"{package} is not installed: pip install '{package}>={lowest},<{limit}'"


def check_mmcv_ops() -> None:
    """Check that mmcv's compiled operations, if any, match the installed torch.

    Without compiled operations, :mod:`imbdet.mmcv_ops` provides them.

    Raises:
        InstallationError: If they were built for another torch.
    """
    import torch  # the operations link against its libraries

    if not mmcv_ops.is_compiled(importlib.util.find_spec('mmcv._ext')):
        return
    try:
        importlib.import_module('mmcv._ext')
    except ImportError as error:
        raise InstallationError(
            f'mmcv was built for another torch than {torch.__version__}, which is installed ({error}). Build it again: '
            f'{build_command()}; or use mmcv without compiled ops: pip uninstall -y {mmcv_distribution()} && pip install '
            f"'{MMCV_LITE}>={OPENMMLAB['mmcv'][0]},<{OPENMMLAB['mmcv'][1]}'") from error


def check_pkg_resources() -> None:
    """Check that pkg_resources exists, which mmengine 0.10 needs to find ``mmdet::`` and ``imbdet::`` bases.

    The onedl fork's mmengine does not need it.

    Raises:
        InstallationError: If setuptools is missing or too new to contain it.
    """
    if not is_onedl() and importlib.util.find_spec('pkg_resources') is None:
        found = f'setuptools {installed_version("setuptools")} is' if installed_version('setuptools') else 'no setuptools is'
        raise InstallationError(f'mmengine needs pkg_resources, which setuptools 82 removed; {found} installed: '
                                "pip install 'setuptools<82'")


def check_installation() -> None:
    """Run all checks.

    Raises:
        InstallationError: With the command that fixes the problem.
    """
    check_packages()
    check_pkg_resources()
    check_mmcv_ops()
