"""Choosing what evaluates: the fastest evaluation library that is installed."""

import importlib
import importlib.util
from typing import Any

BACKENDS = {
    'hotcoco': ('imbdet.evaluation.hotcoco_backend', 'HotcocoBackend', 'hotcoco'),
    'faster_coco_eval': ('imbdet.evaluation.faster_coco_eval_backend', 'FasterCocoEvalBackend', 'faster-coco-eval'),
    'lvis': ('imbdet.evaluation.lvis_backend', 'LvisBackend', 'lvis'),
    'pycocotools': ('imbdet.evaluation.pycocotools_backend', 'PycocotoolsBackend', 'pycocotools'),
}
"""Module, class and package on PyPI of each backend, fastest first. The last two are the references of their styles."""


def choose_backend(style: str, kinds: tuple[str, ...] = ('bbox', ), name: str | None = None) -> Any:
    """Choose a backend class.

    Args:
        style: ``'lvis'`` or ``'coco'``.
        kinds: What is to be evaluated, of ``'bbox'``, ``'segm'`` and ``'boundary'``.
        name: ``'hotcoco'``, ``'faster_coco_eval'``, ``'lvis'`` (for ``style='lvis'``) or ``'pycocotools'`` (for
            ``style='coco'``). None: the first of these that is installed and serves style and kinds.

    Returns:
        A class that takes the ground truth's content and the style, with ``precision(detections, kind, category_ids)``.

    Raises:
        ValueError: If the name is unknown, or the backend does not serve style and kinds.
        ImportError: If the named backend is not installed, or none is that would serve.
    """
    if name is not None and name not in BACKENDS:
        raise ValueError(f'unknown backend {name!r}; choose one of {", ".join(BACKENDS)}')
    for candidate in BACKENDS if name is None else [name]:
        module, kind, package = BACKENDS[candidate]
        if importlib.util.find_spec(candidate) is None:
            if name is not None:
                raise ImportError(f'backend {name!r} is not installed: pip install {package}')
            continue
        backend = getattr(importlib.import_module(module), kind)
        if style in backend.styles and set(kinds) <= set(backend.kinds):
            return backend
        if name is not None:
            raise ValueError(f'backend {name!r} evaluates {" and ".join(backend.kinds)} with style '
                             f'{" or ".join(map(repr, backend.styles))}, not {", ".join(kinds)} with style {style!r}')
    raise ImportError(f'no installed backend evaluates {", ".join(kinds)} with style {style!r}: '
                      'pip install faster-coco-eval')
