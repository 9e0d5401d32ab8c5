"""A forked Python against a new one: what a program sees and what is seen of it."""

import json
import os
import signal
import subprocess

import pytest

from .forked_python import fork_python

SEEN = '''
import atexit, json, os, sys
import neighbor
if __name__ == '__main__':
    atexit.register(print, 'at exit')
    print('an error', file=sys.stderr)
    print(json.dumps(dict(arguments=sys.argv, path=sys.path, folder=os.getcwd(), environment=dict(os.environ),
                          main=sys.modules['__main__'].neighbor.__file__, terminal=sys.stdout.isatty(),
                          input=sys.stdin.read())))
'''
ENDS = {
    'the end': '', 'a code': 'sys.exit(7)', 'a large code': 'sys.exit(1000)', 'nothing': 'sys.exit()',
    'a text': 'sys.exit("out of luck")', 'an error': 'raise ValueError("of no value")', 'a signal': 'os.kill(os.getpid(), 9)',
    'at once': 'os._exit(5)',
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a script, which is also a module, and another with what it imports."""
    for name in ('code/program', 'others'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'code/program/__main__.py').write_text(SEEN)
    (tmp_path / 'others/neighbor.py').touch()
    monkeypatch.setenv('OF_THE_TEST', '1')
    return tmp_path


@pytest.mark.parametrize('command', [['-m', 'program'], ['code/program/__main__.py']])
def test_what_a_program_sees(run_python, folder, command):
    if command[0] != '-m':
        command = [folder / command[0]]
    processes = [run(*command, '--flag', 'a b', path=[folder / 'others'], cwd=folder / 'code')
                 for run in (run_python, fork_python)]
    new, forked = (json.loads(process.stdout.splitlines()[0]) for process in processes)
    assert new == forked
    assert (new['arguments'][1:], new['environment']['OF_THE_TEST']) == (['--flag', 'a b'], '1')
    assert [process.stdout.splitlines()[1:] for process in processes] == [['at exit']] * 2
    assert [(process.returncode, process.stderr) for process in processes] == [(0, 'an error\n')] * 2


@pytest.mark.parametrize('end', ENDS)
def test_how_a_program_ends(run_python, tmp_path, end):
    script = tmp_path / 'script.py'
    script.write_text(f'import os, sys\nprint("begun", flush=True)\n{ENDS[end]}\n')
    new, forked = (run(script, cwd=tmp_path) for run in (run_python, fork_python))
    assert forked.returncode == new.returncode
    assert forked.stdout == new.stdout == 'begun\n'
    assert forked.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]
    assert ('Traceback (most recent call last):\n' in forked.stderr) == ('Traceback' in new.stderr)


def test_a_program_that_hangs(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text('import os, time\nopen("pid", "w").write(str(os.getpid()))\nos.rename("pid", "begun")\ntime.sleep(600)\n')
    with pytest.raises(subprocess.TimeoutExpired):
        fork_python(script, cwd=tmp_path, timeout=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'begun').read_text()), signal.SIGCONT)


def test_random_numbers_are_those_of_new_processes(tmp_path):
    """mmengine draws its seed from numpy's."""
    script = tmp_path / 'script.py'
    script.write_text('import random, numpy, torch\n'
                      'print(random.random(), numpy.random.rand(), torch.rand(1).item(), torch.get_num_threads())')
    *drawn, threads = zip(*(fork_python(script, cwd=tmp_path).stdout.split() for _ in range(3)), strict=True)
    assert [len(set(numbers)) for numbers in drawn] == [3] * 3
    assert threads == ('1', ) * 3
