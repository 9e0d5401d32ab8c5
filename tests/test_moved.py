"""Modules of imbdet 0.1 that moved: all their names are found by the old path, with a warning that gives the new one."""

import importlib
import json
import warnings
from pathlib import Path

import pytest

from imbdet import moved

OLD = json.loads((Path(__file__).parent / 'upgrades/0.1.0/names.json').read_text())
"""The public names of every module that has moved since, as 0.1.0 had them; without functions that take other arguments now."""


@pytest.mark.parametrize('module', OLD)
def test_every_name_is_found(module):
    found = importlib.import_module(module)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        values = {name: getattr(found, name) for name in OLD[module]}
    assert all(value is not None for value in values.values())
    if module in moved.MODULES:
        assert len([one for one in told if one.category is DeprecationWarning]) >= len(values)
        assert all('imbdet 0.3' in str(one.message) for one in told if one.category is DeprecationWarning)


def test_it_is_the_same_thing():
    import imbdet.pipelines

    from imbdet import runners
    from imbdet.annotations import class_names
    from imbdet.classes.names import class_names as moved_class_names
    from imbdet.data import walk_dataset
    from imbdet.training import unwrap_detector
    assert imbdet.pipelines.parts_of is walk_dataset
    assert runners.detector_of is unwrap_detector
    assert class_names is moved_class_names


def test_the_packages_are_still_functions():
    """Where a package had a module and a function of one name, the function is still what the package has."""
    import imbdet.evaluation
    importlib.import_module('imbdet.evaluation.frequency_groups')
    assert imbdet.evaluation.frequency_groups([1, 11, 101]).tolist() == ['r', 'c', 'f']


def test_what_never_was():
    with pytest.raises(AttributeError, match='detektor'):
        importlib.import_module('imbdet.runners').detektor  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r'imbdet\.runnners'):
        importlib.import_module('imbdet.runnners')


def test_what_moved_is_gone_from_where_it_was():
    root = Path(moved.__file__).parent
    for name in moved.MODULES:
        path = root.joinpath(*name.split('.')[1:])
        assert not path.with_suffix('.py').exists(), name
