"""Fixtures that several test files share."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mmdet.utils import register_all_modules
from mmengine.logging import MMLogger

import imbdet  # noqa: F401  registers what the tests build
from imbdet.sample_data import make_digits_longtail

from .forked_python import python_environment

ROOT = Path(__file__).parents[1]

register_all_modules()


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    """The sample data set, made once."""
    return make_digits_longtail(tmp_path_factory.mktemp('data') / 'digits_longtail')


@pytest.fixture
def annotation_file(tmp_path):
    """A function that writes a COCO file of 100 x 100 images and returns its path.

    ``boxes`` are (image id, category id) or dicts of annotation keys; every key can be overridden or, by None, left out.
    """

    def write(boxes=(), num_images=3, categories=('a', 'b', 'c'), image_keys=None, name='train.json', **top):
        images = [{'id': index + 1, 'file_name': f'{index + 1}.jpg', 'width': 100, 'height': 100, **(image_keys or {})}
                  for index in range(num_images)]
        annotations = []
        for index, box in enumerate(boxes):
            keys = box if isinstance(box, dict) else {'image_id': box[0], 'category_id': box[1]}
            full = {'id': index + 1, 'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 20, 20], 'area': 400,
                    'iscrowd': 0, **keys}
            annotations.append({key: value for key, value in full.items() if value is not None})
        content = {'images': images, 'annotations': annotations,
                   'categories': [category if isinstance(category, dict) else {'id': index + 1, 'name': category}
                                  for index, category in enumerate(categories)], **top}
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture
def mmengine_log(caplog):
    """A function that gives what mmengine's current logger writes from then on; it does not propagate."""
    loggers = []

    def listen():
        loggers.append(MMLogger.get_current_instance())
        loggers[-1].addHandler(caplog.handler)
        return caplog

    yield listen
    for logger in loggers:
        logger.removeHandler(caplog.handler)


@pytest.fixture(scope='session')
def load_tool():
    """A function that imports a script, given by its path in the project, so that its functions can be called."""

    def load(name):
        path = ROOT / name
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(path.parent))  # a script imports its neighbours
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(path.parent))
        return module

    return load


@pytest.fixture(scope='session')
def run_python(tmp_path_factory):
    """A function that runs Python in a process of its own, with ``path`` before the installed packages."""
    elsewhere = tmp_path_factory.mktemp('elsewhere')

    def run(*arguments, path=(), cwd=elsewhere, timeout=600):
        return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, env=python_environment(path), text=True,
                              capture_output=True, timeout=timeout)

    return run
