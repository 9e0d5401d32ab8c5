"""Packages that import some of their modules only when they are first used: every name is still there."""

import importlib

import pytest

from imbdet import moved

RENAMED = {'examine': 'analyze_dataset'}

PACKAGES = ('imbdet', 'imbdet.annotations', 'imbdet.dataset_equity', 'imbdet.evaluation', 'imbdet.layers',
            'imbdet.repeat_sampling', 'imbdet.reports', 'imbdet.classes', 'imbdet.data', 'imbdet.heads', 'imbdet.training')


@pytest.mark.parametrize('package', PACKAGES)
def test_every_name_is_there(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        now = moved.NAMES.get(f'{package}.{name}', RENAMED.get(name, name))
        assert getattr(value, '__name__', now).rpartition('.')[2] == now.rpartition('.')[2]
    namespace = {}
    exec(f'from {package} import *', namespace)
    assert set(module.__all__) <= set(namespace)


def test_a_name_that_is_not_there():
    module = importlib.import_module('imbdet.evaluation')
    with pytest.raises(AttributeError, match='LongTailMetrik'):
        module.LongTailMetrik  # noqa: B018
