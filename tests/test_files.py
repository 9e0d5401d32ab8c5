"""Output files are whole or not there (fault 26)."""

import ast
import csv
import os
import signal
import stat
from pathlib import Path

import pytest

from imbdet.files import atomic_write, write_csv

ROOT = Path(__file__).parents[1]
WRITERS = {'write_text', 'write_bytes', 'open', 'savefig', 'imwrite', 'save', 'savez', 'savez_compressed', 'dump'}
OTHERWISE = {  # files of these functions
    'imbdet/sample_data/digits_longtail.py': {'write_images', '_write'},  # are in a folder that is renamed when it is whole
    'tools/setup/mmcv_wheel.py': {'build'},  # are a log
}


def test_writes_and_makes_folders(tmp_path):
    with atomic_write(tmp_path / 'a/b.json') as path:
        assert path.suffix == '.json'
        path.write_text('new')
    assert (tmp_path / 'a/b.json').read_text() == 'new'
    assert [entry.name for entry in (tmp_path / 'a').iterdir()] == ['b.json']
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / 'a/b.json').stat().st_mode) == 0o666 & ~umask


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / 'b.json').write_text('old')
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / 'b.json') as path:  # noqa: PT012
        path.write_text('half')
        raise KeyboardInterrupt
    assert (tmp_path / 'b.json').read_text() == 'old'
    assert [entry.name for entry in tmp_path.iterdir()] == ['b.json']


def test_a_killed_run_leaves_the_old_file(tmp_path):
    (tmp_path / 'b.json').write_text('old')
    child = os.fork()
    if child == 0:
        with atomic_write(tmp_path / 'b.json') as path, path.open('w') as file:
            file.write('half')
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (tmp_path / 'b.json').read_text() == 'old'
    half, = set(tmp_path.iterdir()) - {tmp_path / 'b.json'}
    assert half.name.startswith('.b-')
    assert half.read_text() == 'half'
    with atomic_write(tmp_path / 'b.json') as path:
        path.write_text('new')
    assert (tmp_path / 'b.json').read_text() == 'new'


def test_csv_with_cells_that_are_not_known(tmp_path):
    rows = [['name', 'AP'], ['Müller, "Ei"', 0.1 + 0.2], ['none', None], ['nan', float('nan')], ['zero', 0.0]]
    write_csv(tmp_path / 'a/b.csv', iter(rows))
    with (tmp_path / 'a/b.csv').open(newline='', encoding='utf-8') as file:
        assert list(csv.reader(file)) == [['name', 'AP'], ['Müller, "Ei"', '0.30000000000000004'], ['none', ''], ['nan', ''],
                                          ['zero', '0.0']]


def writes(call):
    """Whether a call writes a file; of open(), by its mode."""
    name = getattr(call.func, 'attr', getattr(call.func, 'id', None))
    modes = {argument.value for argument in call.args if isinstance(argument, ast.Constant)}
    return name in WRITERS and (name != 'open' or not modes.isdisjoint({'w', 'wb', 'a', 'x'}))


def test_every_writer_writes_whole_files():
    """In the package and the tools, each function that writes uses atomic_write; benchmarks write to temporary folders."""
    found, bare = set(), set()
    for path in (*ROOT.glob('imbdet/**/*.py'), *ROOT.glob('tools/**/*.py')):
        name = path.relative_to(ROOT).as_posix()
        for function in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(function, ast.FunctionDef) and any(
                    isinstance(node, ast.Call) and writes(node) for node in ast.walk(function)):
                found.add(name)
                if 'atomic_write(' not in ast.unparse(function) and function.name not in OTHERWISE.get(name, ()):
                    bare.add(f'{name}: {function.name}')
    assert len(found) >= 15
    assert bare == set()
