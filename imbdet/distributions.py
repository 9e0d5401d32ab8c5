"""Installed distributions of mmengine, mmcv and mmdet: supported versions, and the command that builds mmcv."""

from importlib import metadata

OPENMMLAB = {'mmengine': ('0.10.3', '0.11'), 'mmcv': ('2.1.0', '2.2.0'), 'mmdet': ('3.3.0', '3.4')}
"""Packages of the openmmlab stack, with the lowest supported version and the lowest unsupported one above it."""

ONEDL = {'mmengine': ('onedl-mmengine', '0.10.10', '0.11'), 'mmcv': ('onedl-mmcv', '2.3.0', '2.4'),
         'mmdet': ('onedl-mmdetection', '3.5.0', '3.6')}
"""Distributions of the maintained fork with their names and the same two versions."""

MMCV_LITE = 'mmcv-lite'
"""mmcv without compiled operations: the same files as mmcv, in another distribution."""

BUILD_MMCV = ("pip uninstall -y {others} && pip install 'setuptools<82' wheel ninja psutil && MMCV_WITH_OPS=1 pip install "
              '--no-build-isolation --no-cache-dir --no-deps --force-reinstall --no-binary {distribution} '
              '{distribution}=={version}')


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None, without importing anything.

    Args:
        distribution: Its name on the package index.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def distribution_names(package: str) -> list[str]:
    """Return the distributions that contain a package of the stack.

    Args:
        package: ``'mmengine'``, ``'mmcv'`` or ``'mmdet'``.
    """
    return [package, ONEDL[package][0], *([MMCV_LITE] if package == 'mmcv' else [])]


def mmcv_distribution() -> str | None:
    """Return the distribution that contains mmcv: ``'mmcv'``, ``'mmcv-lite'`` or ``'onedl-mmcv'``; None without one."""
    return next((name for name in ('onedl-mmcv', 'mmcv', MMCV_LITE) if installed_version(name)), None)


def is_onedl() -> bool:
    """Return whether the stack is the maintained fork, judged by its mmcv."""
    return mmcv_distribution() == ONEDL['mmcv'][0]


def build_command() -> str:
    """Return the command that builds mmcv with compiled operations for the installed torch."""
    found = mmcv_distribution()
    distribution = ONEDL['mmcv'][0] if is_onedl() else 'mmcv'
    version = installed_version(found) if found else '2.1.0'
    return BUILD_MMCV.format(distribution=distribution, version=version, others=f'{distribution} {MMCV_LITE}')
