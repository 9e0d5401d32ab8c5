"""Python processes that are forked from one that has imported torch, mmdet and imbdet, which takes five seconds."""

import atexit
import functools
import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

FORKS = multiprocessing.get_context('forkserver')
FORKS.set_forkserver_preload([
    'imbdet.registration', 'mmdet.apis', 'mmdet.datasets', 'mmdet.engine', 'mmdet.evaluation', 'mmdet.models',
    'mmdet.visualization', 'pytest'])


def python_environment(path):
    """This process's environment, with one thread and the folders of ``path`` before the installed packages."""
    return {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, path)), 'OMP_NUM_THREADS': '1'}


def fork_python(*arguments, cwd, path=(), timeout=600):
    """Run a script, or ``-m`` and a module, with its arguments, as the fixture ``run_python`` does.

    It is what a new process is to the program: its arguments, environment, folders of modules, working directory, random
    numbers and output. What the program does when it imports torch, mmdet or imbdet, only a new process shows.
    """
    arguments = [str(each) for each in arguments]
    folders = [*map(str, path), *installed_folders()]
    with tempfile.TemporaryDirectory() as output:
        process = FORKS.Process(target=_be_python, args=(arguments, folders, str(cwd), python_environment(path), output))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        said = [Path(output, name).read_text() for name in ('stdout', 'stderr')]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


@functools.cache
def installed_folders():
    """Where a new Python process finds modules besides PYTHONPATH and its script's folder."""
    found = subprocess.check_output([sys.executable, '-c', 'import json, sys; print(json.dumps(sys.path[1:]))'],
                                    env=python_environment([]))
    return json.loads(found)


def _be_python(arguments, folders, cwd, environment, output):
    """Do in a forked process what Python does with its command line."""
    for descriptor, name in ((1, 'stdout'), (2, 'stderr')):
        with Path(output, name).open('w') as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    np.random.seed()  # mmengine draws its random seed from here
    torch.seed()
    torch.set_num_threads(1)
    try:
        if arguments[0] == '-m':
            sys.argv = arguments[1:]
            sys.path = [cwd, *folders]
            runpy.run_module(arguments[1], run_name='__main__', alter_sys=True)
        else:
            sys.argv = arguments
            sys.path = [str(Path(arguments[0]).resolve().parent), *folders]
            runpy.run_path(arguments[0], run_name='__main__')
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__.tb_next)
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out
