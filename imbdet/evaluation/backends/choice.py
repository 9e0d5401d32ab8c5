"""Choice of the evaluation backend: the fastest library that is installed."""

import importlib
import importlib.util
from typing import Any

from imbdet.annotations import AnnotationError
from imbdet.evaluation.ground_truth import GroundTruth

BACKENDS = {
    'hotcoco': ('imbdet.evaluation.backends.hotcoco_backend', 'HotcocoBackend', 'hotcoco'),
    'faster_coco_eval': ('imbdet.evaluation.backends.faster_coco_eval_backend', 'FasterCocoEvalBackend', 'faster-coco-eval'),
    'lvis': ('imbdet.evaluation.backends.lvis_backend', 'LvisBackend', 'lvis'),
    'pycocotools': ('imbdet.evaluation.backends.pycocotools_backend', 'PycocotoolsBackend', 'pycocotools'),
}
"""Module, class and package on PyPI of each backend, fastest first. The last two are the references of their styles."""


def choose_backend(style: str, kinds: tuple[str, ...] = ('bbox', ), name: str | None = None) -> Any:
    """Choose a backend class.

    Args:
        style: ``'lvis'`` or ``'coco'``.
        kinds: What to evaluate: one or more of ``'bbox'``, ``'segm'`` and ``'boundary'``.
        name: ``'hotcoco'``, ``'faster_coco_eval'``, ``'lvis'`` (for ``style='lvis'``) or ``'pycocotools'`` (for
            ``style='coco'``). None: the first of these that is installed and supports style and kinds.

    Returns:
        A class that takes the ground truth's content and the style, with ``precision(detections, kind, category_ids)``.

    Raises:
        ValueError: If the name is unknown, or the backend does not support style and kinds.
        ImportError: If the named backend is not installed, or no suitable one is.
    """
    if name is not None and name not in BACKENDS:
        raise ValueError(f'unknown backend {name!r}; choose one of {", ".join(BACKENDS)}')
    for candidate in BACKENDS if name is None else [name]:
        module, kind, package = BACKENDS[candidate]
        if importlib.util.find_spec(candidate) is None:
            if name is not None:
                raise ImportError(f'backend {name!r} is not installed; run pip install {package}')
            continue
        backend = getattr(importlib.import_module(module), kind)
        if style in backend.styles and set(kinds) <= set(backend.kinds):
            return backend
        if name is not None:
            raise ValueError(f'backend {name!r} evaluates {" and ".join(backend.kinds)} with style '
                             f'{" or ".join(map(repr, backend.styles))}, not {", ".join(kinds)} with style {style!r}; '
                             'choose another backend or None')
    raise ImportError(f'no installed backend evaluates {", ".join(kinds)} with style {style!r}; run '
                      'pip install faster-coco-eval')


def make_evaluator(backend: Any, ground_truth: GroundTruth, kinds: tuple[str, ...]) -> Any:
    """Build the evaluator. Fall back to lvis-api if any object has ``ignore``: no other backend supports it.

    Args:
        backend: A class that :func:`choose_backend` returned for the ground truth's style and the kinds.
        ground_truth: The ground truth.
        kinds: What to evaluate: one or more of ``'bbox'``, ``'segm'`` and ``'boundary'``.

    Returns:
        An object with ``name`` and ``precision(detections, kind, category_ids)``.

    Raises:
        ValueError: If lvis-api is needed and does not support the kinds.
        AnnotationError: If the library cannot read the file.
    """
    if ground_truth.has_ignored():
        lvis = choose_backend(ground_truth.style, kinds, 'lvis')
        from mmengine.logging import MMLogger
        MMLogger.get_current_instance().warning(
            f"{ground_truth.path} has objects with 'ignore', which only lvis-api supports: it is used instead of "
            f'{backend.name}, which may take much longer')
        backend = lvis
    try:
        return backend(ground_truth.content, ground_truth.style)
    except Exception as error:  # libraries interpret some keys differently and do not name the file
        raise AnnotationError(f'{ground_truth.path}: {backend.name} cannot evaluate against it '
                              f'({type(error).__name__}: {error})') from error
