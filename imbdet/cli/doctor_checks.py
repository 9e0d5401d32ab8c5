"""Checks of ``imbdet doctor``, from package metadata to importing mmdet."""

import importlib
from collections.abc import Callable
from functools import partial
from importlib import metadata

from packaging.requirements import Requirement
from packaging.version import Version

from imbdet import installation
from imbdet.distributions import ONEDL, OPENMMLAB, installed_version, is_onedl

ALIKE = {'opencv-python': ('opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless')}
"""Distributions that contain the same modules as one that imbdet requires."""


class Problem(Exception):  # noqa: N818  it is printed, not raised to the user
    """A problem of the installation, with the command that fixes it."""


def check_requirements() -> None:
    """Check that the requirements of imbdet are installed, in the required versions.

    Raises:
        Problem: If not.
    """
    try:
        texts = metadata.requires('imbdet') or []
    except metadata.PackageNotFoundError:  # run from a folder, not installed
        return
    wrong, unmet = [], []
    for requirement in map(Requirement, texts):
        if requirement.marker and not requirement.marker.evaluate({'extra': ''}):
            continue
        names = (requirement.name, *ALIKE.get(requirement.name, ()))
        found = next((found for name in names if (found := installed_version(name))), None)
        if found is None and requirement.name in ('torch', 'torchvision'):
            continue  # they have their own checks
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f'{requirement.name} {found or "is not installed"}')
            unmet.append(f"'{requirement.name}{requirement.specifier}'")
    if wrong:
        raise Problem(f'requirements of imbdet are not met ({", ".join(wrong)}): pip install {" ".join(unmet)}')


def check_torch() -> None:
    """Check that torch can be imported.

    Raises:
        Problem: If not.
    """
    try:
        importlib.import_module('torch')
    except Exception as error:  # a broken library raises OSError, ImportError or others
        if installed_version('torch') is None:
            raise Problem('torch is not installed: pip install torch torchvision') from error
        raise Problem(f'torch cannot be imported ({_text(error)}): pip install --force-reinstall torch torchvision') from error


def check_torchvision() -> None:
    """Check that torchvision's compiled operations fit the installed torch.

    Raises:
        Problem: If not.
    """
    import torch

    # The version that pip knows: there, wheels of the package index have no local version, but torch itself has one.
    command = _torchvision_command(installed_version('torch') or torch.__version__)
    if installed_version('torchvision') is None:
        raise Problem(f'torchvision is not installed: {command}')
    try:
        torchvision = importlib.import_module('torchvision')
        kept = torchvision.ops.nms(torch.tensor([[0., 0., 9., 9.], [0., 0., 9., 8.]]), torch.tensor([0.5, 0.9]), 0.5).tolist()
        reason = '' if kept == [1] else f'its nms keeps boxes {kept} instead of [1]'
    except Exception as error:
        reason = _text(error)
    if reason:
        raise Problem(f'torchvision {installed_version("torchvision")} does not work with torch {torch.__version__} '
                      f'({reason}): {command}')


def _torchvision_command(torch_version: str) -> str:
    """Return the command that installs the torchvision for a torch version; pip finds the matching release."""
    version = Version(torch_version)
    index = f' --index-url https://download.pytorch.org/whl/{version.local}' if version.local else ''
    return f'pip uninstall -y torchvision && pip install torchvision torch=={version.public}{index}'


def check_mmdet() -> None:
    """Check that mmdet's models can be imported and that imbdet's components are registered with it.

    Raises:
        Problem: If not.
    """
    try:
        from mmdet.registry import HOOKS, MODELS
        missing = [name for registry, name in ((MODELS, 'RetinaNet'), (HOOKS, 'GuidedLossHook')) if registry.get(name) is None]
        reason = f'{", ".join(missing)} not registered' if missing else ''
    except installation.InstallationError:
        raise
    except Exception as error:
        reason = _text(error)
    if reason:
        names = [ONEDL[package][0] if is_onedl() else package for package in ('mmengine', 'mmdet')]
        pinned = ' '.join(f'{name}=={installed_version(name)}' for name in names)
        raise Problem(f'mmdet cannot be used ({reason}): pip install --force-reinstall --no-deps {pinned}')


def _text(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'


def find_problems() -> tuple[list[str], set[str]]:
    """Run all checks; skip those that import a package if the checks of its requirements failed.

    Returns:
        The problems, each with the command that fixes it, and the affected packages: ``torch``, ``torchvision``, ``stack``
        (mmengine, mmcv and mmdet) and ``mmdet``.
    """
    checks: list[tuple[str, set[str], Callable[[], None]]] = [
        ('requirements', set(), check_requirements),
        *(('stack', set(), partial(installation.check_package, package)) for package in OPENMMLAB),
        ('stack', set(), installation.check_pkg_resources),
        ('torch', set(), check_torch),
        ('torchvision', {'torch'}, check_torchvision),
        ('stack', {'torch', 'stack'}, installation.check_mmcv_ops),
        ('mmdet', {'torch', 'torchvision', 'stack'}, check_mmdet),
    ]
    problems: list[str] = []
    broken: set[str] = set()
    for package, needed, check in checks:
        if needed & broken:
            continue
        try:
            check()
        except (Problem, installation.InstallationError) as error:
            problems.append(str(error))
            broken.add(package)
    return problems, broken
