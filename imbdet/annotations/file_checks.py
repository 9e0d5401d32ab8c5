"""Checks of annotation files: an error for a fault that ends a run, a report of what mmdet would drop silently."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbdet.annotations.annotation_arrays import to_arrays
from imbdet.annotations.faults import Fault, class_faults, find_faults
from imbdet.annotations.reader import AnnotationError, AnnotationFile, load_annotations


@dataclass
class FaultReport:
    """What mmdet leaves out of a file without a word.

    Attributes:
        path: The annotation file.
        faults: For each reason the annotations that mmdet drops for it.
    """

    path: Path
    faults: list[Fault] = field(default_factory=list)

    @property
    def dropped(self) -> dict[str, list[Any]]:
        """The ids of the dropped annotations for each reason."""
        return {fault.kind: fault.ids for fault in self.faults}

    def lines(self) -> list[str]:
        """Return a sentence for each reason, empty if nothing is dropped."""
        return [f'{self.path}: {fault.message}' for fault in self.faults]


def check_annotations(path: str | Path,
                      classes: Sequence[str] | None = None,
                      filter_cfg: dict | None = None) -> FaultReport:
    """Look through an annotation file for what mmdet trips over or drops silently.

    Args:
        path: A COCO or LVIS annotation file.
        classes: Names that the data set is configured with. They must stand in the file, in the file's order, because
            mmdet's labels follow the file and not the config.
        filter_cfg: mmdet's ``filter_empty_gt`` and ``min_size``, to see whether an image is left.

    Returns:
        The annotations that mmdet leaves out.

    Raises:
        FileNotFoundError: If there is no such file.
        AnnotationError: If a key that mmdet needs is missing, an id stands twice, a class is unknown or out of order, or
            the filter leaves no image.
    """
    return check_content(Path(path), load_annotations(path), classes, filter_cfg)


def check_content(path: Path,
                  content: AnnotationFile,
                  classes: Sequence[str] | None = None,
                  filter_cfg: dict | None = None) -> FaultReport:
    """Do the same for a file that has been read already.

    Args:
        path: The annotation file, for messages.
        content: What it holds.
        classes: As for :func:`check_annotations`.
        filter_cfg: As for :func:`check_annotations`.

    Returns:
        The annotations that mmdet leaves out.

    Raises:
        AnnotationError: As for :func:`check_annotations`.
    """
    return FaultReport(path, raise_fatal(path, find_faults(content, to_arrays(content), classes, filter_cfg)))


def check_class_names(path: str | Path, classes: Sequence[str], names: Sequence[str]) -> None:
    """Raise AnnotationError unless ``classes`` are among ``names`` and in their order.

    Args:
        path: The annotation file, for the message.
        classes: Names of the config.
        names: Names of the file's categories, in its order.
    """
    raise_fatal(path, class_faults(classes, names))


def raise_fatal(path: str | Path, faults: Iterable[Fault]) -> list[Fault]:
    """Raise AnnotationError for the first fault that ends a run; return the faults if there is none.

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
