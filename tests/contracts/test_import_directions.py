"""Which room of the house may import which: arrows go down, and no method imports another."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import imbdet

PACKAGE = Path(imbdet.__file__).parent
# Of other packages, and of imbdet's own past.
REPAIRS = {'checkpoint_contents', 'compat', 'distributions', 'installation', 'mmcv_ops', 'moved'}
FILES = {'annotations', 'files'}
LISTS = FILES | {'data', 'classes'}
SHARED = LISTS | {'heads', 'training'}
METHODS = {'repeat_sampling', 'sampling_free', 'dataset_equity', 'mipa', 'calibration', 'evaluation', 'training_checks',
           'layers', 'losses'}
ALLOWED = {
    **dict.fromkeys(REPAIRS, REPAIRS),
    'files': set(),
    'annotations': {'moved'},
    'data': FILES,
    'classes': FILES | {'data'},
    'heads': LISTS,
    'training': LISTS,
    **dict.fromkeys(METHODS, SHARED),
    'sample_data': LISTS,
    'registration': METHODS | {'data', 'reports', 'training'},  # imports what registers, such as the hooks
    '__init__': REPAIRS,
    '__main__': {'cli'},
}
"""What a room or a module beside them may import. What is not named here, the reports and the command, may import anything."""
TOPMOST = {'reports', 'cli'}


def room_of(path):
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return parts[0]


def imported_rooms(path):
    """Rooms that a module imports, also inside functions and for the type checker."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path} has a relative import'
            names = [f'{node.module}.{alias.name}' for alias in node.names] if node.module == 'imbdet' else [node.module]
        else:
            continue
        rooms |= {name.split('.')[1] for name in names if name.startswith('imbdet.')}
    return rooms - {room_of(path), '__version__'}


def arrows():
    found = defaultdict(set)
    for path in PACKAGE.rglob('*.py'):
        if '.mim' not in path.parts:
            for room in imported_rooms(path):
                found[room_of(path), room].add(path.relative_to(PACKAGE).as_posix())
    return found


def test_every_room_is_known():
    """A new room gets its place in the table."""
    rooms = {room_of(path) for path in PACKAGE.rglob('*.py') if '.mim' not in path.parts}
    assert rooms <= set(ALLOWED) | TOPMOST


def test_no_arrow_upward():
    wrong = {f'{source} -> {target}': sorted(files) for (source, target), files in arrows().items()
             if source not in TOPMOST and target not in ALLOWED[source]}
    assert not wrong


def test_nothing_imports_the_topmost():
    """Reports and the command import each other and are imported by nothing else but the list of what registers."""
    sources = {source for (source, target) in arrows() if target in TOPMOST}
    assert sources <= TOPMOST | {'registration', '__main__'}


@pytest.mark.parametrize(('text', 'rooms'), [
    ('from imbdet.cli import main', {'cli'}), ('import imbdet.mipa.patch_mixing', {'mipa'}),
    ('from imbdet import compat, __version__', {'compat'}), ('def f():\n    from imbdet.heads import find_heads', {'heads'}),
    ('import torch', set())])
def test_imports_are_seen(text, rooms, monkeypatch, tmp_path):
    """So that the tests above can fail."""
    monkeypatch.setattr(f'{__name__}.PACKAGE', tmp_path)
    (tmp_path / 'data').mkdir()
    path = tmp_path / 'data/module.py'
    path.write_text(text)
    assert imported_rooms(path) == rooms
