"""Build mmcv with compiled ops for the installed torch, once, and print the wheel's path: ``make OPS=compiled`` runs it.

mmcv publishes no wheels for current torch releases, and pip's own cache keys a built wheel only by mmcv's version: a
wheel built for another torch then fails at import with "undefined symbol". This script keeps its wheels in a folder
named after torch, CUDA (with the GPU's architecture) and Python, below ``$XDG_CACHE_HOME/imbdet/wheels``.

Run it with the interpreter that has torch:  ``python tools/setup/mmcv_wheel.py mmcv==2.1.0``, or
``onedl-mmcv==2.3.6``. The path goes to standard output, progress to standard error.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

NINJA_STEP = re.compile(r'\[(\d+)/(\d+)\]')


def fail(message):
    """Print one line on standard error and exit with code 1."""
    sys.exit(f'imbdet: {message}')


def cuda_architectures():
    """Return the GPU architectures to build for, such as ``['9.0']``, or an empty list for a CPU build."""
    import torch
    from torch.utils.cpp_extension import CUDA_HOME

    if not torch.cuda.is_available():
        return []
    if CUDA_HOME is None:
        print('imbdet: a GPU is present but no CUDA toolkit (nvcc): mmcv is built for CPU only. Install the toolkit of '
              f'CUDA {torch.version.cuda} and set CUDA_HOME to use the GPU.', file=sys.stderr)
        return []
    capabilities = {torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count())}
    return [f'{major}.{minor}' for major, minor in sorted(capabilities)]


def cache_folder(architectures):
    """Return the folder of the wheels for this torch, CUDA and Python."""
    import torch

    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    ops = f'cuda{torch.version.cuda}-sm{"-".join(architectures)}' if architectures else 'cpu'
    return cache / 'imbdet' / 'wheels' / f'torch{torch.__version__}-{ops}-{sys.implementation.cache_tag}'


def build_environment(architectures):
    """Return the environment variables of the build."""
    environment = dict(os.environ, MMCV_WITH_OPS='1', FORCE_CUDA='1' if architectures else '0')
    environment.setdefault('MAX_JOBS', str(os.cpu_count()))
    if architectures:
        environment['TORCH_CUDA_ARCH_LIST'] = ';'.join(architectures)
        # torch's headers include cusparse.h and others, which pip's nvidia packages bring and a bare toolkit may not.
        headers = Path(sysconfig.get_path('purelib')).glob('nvidia/*/include')
        environment['CPATH'] = os.pathsep.join([*map(str, headers), *filter(None, [os.environ.get('CPATH')])])
    return environment


def show_progress(line, shown):
    """Print ninja's step counter: on a terminal every step, elsewhere every tenth part. Return the part shown."""
    match = NINJA_STEP.search(line)
    if not match:
        return shown
    done, total = map(int, match.groups())
    part = 10 * done // total
    if sys.stderr.isatty():
        print(f'\rimbdet: compiling mmcv ops {done}/{total}', end='\n' if done == total else '', file=sys.stderr)
    elif part != shown:
        print(f'imbdet: compiling mmcv ops {done}/{total}', file=sys.stderr, flush=True)
    return part


def build(requirement, folder, architectures):
    """Build the wheel in a temporary folder and move it to ``folder`` when it is complete."""
    distribution, _, version = requirement.partition('==')
    compiler = os.environ.get('CXX', 'c++')
    if shutil.which(compiler) is None:
        fail(f'no C++ compiler ({compiler}) to build mmcv with. Install one (Debian: apt-get install g++).')
    if not Path(sysconfig.get_path('include'), 'Python.h').is_file():
        fail(f'no Python.h in {sysconfig.get_path("include")}. Install the headers (Debian: apt-get install '
             'python3-dev).')
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f'{distribution}-{version}-build.log'
    ops = f'with CUDA ops for {", ".join(architectures)}' if architectures else 'for CPU'
    print(f'imbdet: building {distribution} {version} {ops} once (7 to 25 minutes on 2 cores for CPU, an hour for CUDA). '
          f'Log: {log}', file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch, open(log, 'w') as log_file:
        command = [sys.executable, '-m', 'pip', 'wheel', '-v', '--no-build-isolation', '--no-deps', '--no-cache-dir',
                   '--no-binary', distribution, '--wheel-dir', scratch, requirement]
        process = subprocess.Popen(command, env=build_environment(architectures), text=True, errors='replace',
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        shown = -1
        for line in process.stdout:
            log_file.write(line)
            shown = show_progress(line, shown)
        wheels = list(Path(scratch).glob('*.whl'))
        if process.wait() or not wheels:
            fail(f'{distribution} did not build; the reason is at the end of {log}.')
        return Path(shutil.move(wheels[0], folder / wheels[0].name))


def main():
    """Print the path of the cached wheel, and build it first if it does not exist."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('requirement', help='distribution of mmcv and its version: mmcv==2.1.0 or onedl-mmcv==2.3.6')
    requirement = parser.parse_args().requirement
    architectures = cuda_architectures()
    folder = cache_folder(architectures)
    wheels = list(folder.glob(f'{requirement.replace("-", "_").replace("==", "-")}-*.whl'))
    print(wheels[0] if wheels else build(requirement, folder, architectures))


if __name__ == '__main__':
    main()
