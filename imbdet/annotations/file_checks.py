"""Checks of annotation files: errors for fatal faults, a report of annotations that mmdet would drop silently."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbdet.annotations.annotation_arrays import to_arrays
from imbdet.annotations.class_faults import class_faults
from imbdet.annotations.fault import Fault
from imbdet.annotations.faults import find_faults
from imbdet.annotations.reader import AnnotationError, AnnotationFile, load_annotations


@dataclass
class FaultReport:
    """Annotations of a file that mmdet silently drops.

    Attributes:
        path: The annotation file.
        faults: One fault per reason, with the annotations that mmdet drops for it.
        suspicions: What mmdet accepts but is most likely a mistake, see
            :func:`~imbdet.annotations.suspicions.find_suspicions`; only filled for the files of a config.
    """

    path: Path
    faults: list[Fault] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)

    @property
    def dropped(self) -> dict[str, list[Any]]:
        """The ids of the dropped annotations, by reason."""
        return {fault.kind: fault.ids for fault in self.faults}

    def lines(self) -> list[str]:
        """Return one sentence per reason; an empty list if nothing is dropped."""
        return [f'{self.path}: {fault.message}' for fault in self.faults]

    def warnings(self) -> list[str]:
        """Return the sentences of :meth:`lines`, and one for each suspicion."""
        return [*self.lines(), *(f'{self.path}: {text}' for text in self.suspicions)]


def check_annotations(path: str | Path,
                      classes: Sequence[str] | None = None,
                      filter_cfg: dict | None = None) -> FaultReport:
    """Check an annotation file for faults that crash mmdet, corrupt training or make mmdet drop annotations silently.

    Args:
        path: A COCO or LVIS annotation file.
        classes: Class names of the data set's config. They must be in the file, in the file's order, because mmdet's labels
            follow the file and not the config. None: not checked.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to check that images remain.

    Returns:
        The annotations that mmdet drops.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If a key that mmdet needs is missing, an id is not unique, a class is unknown or out of order, or
            the filter removes all images.
    """
    return check_content(Path(path), load_annotations(path), classes, filter_cfg)


def check_content(path: Path,
                  content: AnnotationFile,
                  classes: Sequence[str] | None = None,
                  filter_cfg: dict | None = None) -> FaultReport:
    """Check the content of an annotation file; see :func:`check_annotations`, which also reads the file.

    Args:
        path: The annotation file, for messages.
        content: Its content.
        classes: Class names of the data set's config, which must be in the file, in its order. None: not checked.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to check that images remain.

    Returns:
        The annotations that mmdet drops.

    Raises:
        AnnotationError: If a key that mmdet needs is missing, an id is not unique, a class is unknown or out of order, or
            the filter removes all images.
    """
    return FaultReport(path, raise_fatal(path, find_faults(content, to_arrays(content), classes, filter_cfg)))


def check_class_names(path: str | Path, classes: Sequence[str], names: Sequence[str]) -> None:
    """Raise AnnotationError unless all ``classes`` are in ``names``, in the same order.

    Args:
        path: The annotation file, for the message.
        classes: Names of the config.
        names: Names of the file's categories, in its order.
    """
    raise_fatal(path, class_faults(classes, names))


def raise_fatal(path: str | Path, faults: Iterable[Fault]) -> list[Fault]:
    """Raise AnnotationError for the first fatal fault; without one, return the faults.

    Args:
        path: The annotation file, for the message.
        faults: Its faults.
    """
    passed = []
    for fault in faults:
        if fault.is_fatal:
            raise AnnotationError(f'{path}: {fault.message}')
        passed.append(fault)
    return passed
