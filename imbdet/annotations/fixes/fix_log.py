"""Record of what a fix changed, removed, could not decide and noticed."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

LISTS = {'images': 'image', 'annotations': 'annotation', 'categories': 'category'}
"""The lists of a file, and what their entries are called."""


class Change(NamedTuple):
    """One kind of change, with all entries that it was made to.

    Attributes:
        kind: What was changed, or why the entries were removed, in a few words.
        of: ``'image'``, ``'annotation'``, ``'category'`` or ``'file'``.
        ids: Their ids in the input file. If an id is missing or not unique, the entry's position in its list,
            counted from 1, identifies it: ``'7 (entry 12)'``.
        is_removal: Whether the entries were removed.
    """

    kind: str
    of: str
    ids: list[Any]
    is_removal: bool


class Decision(NamedTuple):
    """A fault that the file alone does not tell how to fix.

    Attributes:
        question: What is wrong, and what each choice does.
        option: The option that decides, with its choices; None if the file has to be corrected by hand.
        of: ``'image'``, ``'annotation'`` or ``'category'``.
        ids: The entries that have the fault, named as in :class:`Change`.
    """

    question: str
    option: str | None
    of: str
    ids: list[Any]


class FixLog:
    """Collects changes, decisions and notes; entries are named by the ids that they had at first.

    Args:
        content: Content of the file, before the first change.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self._entries = [entry for key in LISTS for entry in content[key]]  # keeps them alive: the names are by id()
        self._names = {id(entry): name for key in LISTS for entry, name in _names(content[key], LISTS[key])}
        self._changes: dict[tuple[str, str, bool], list[Any]] = {}
        self.decisions: list[Decision] = []
        self.notes: list[str] = []
        self._new_boxes: set[int] = set()

    @property
    def changes(self) -> list[Change]:
        """All changes, in the order in which the first of each kind was made."""
        return [Change(kind, of, ids, is_removal) for (kind, of, is_removal), ids in self._changes.items()]

    def change(self, kind: str, entry: dict) -> None:
        """Record that an entry was changed."""
        self._add(kind, entry, is_removal=False)

    def change_box(self, kind: str, entry: dict) -> None:
        """Record that an annotation's box was changed, so that its area is no longer right."""
        self.change(kind, entry)
        self._new_boxes.add(id(entry))

    def has_new_box(self, entry: dict) -> bool:
        """Return whether an annotation's box was changed."""
        return id(entry) in self._new_boxes

    def change_file(self, kind: str) -> None:
        """Record a change of the file outside its three lists."""
        self._changes.setdefault((kind, 'file', False), [])

    def remove(self, content: dict[str, Any], key: str, kind: str, is_faulty: Callable[[dict], bool]) -> None:
        """Remove the faulty entries of a list, and record each.

        Args:
            content: Content of the file.
            key: The list, such as ``'annotations'``.
            kind: What is wrong with the entries.
            is_faulty: Whether an entry is to be removed.
        """
        kept = []
        for entry in content[key]:
            if is_faulty(entry):
                self._add(kind, entry, is_removal=True)
            else:
                kept.append(entry)
        content[key] = kept

    def ask(self, question: str, option: str | None, entries: Iterable[dict]) -> None:
        """Record what cannot be decided; without entries nothing is asked."""
        names = [self._names[id(entry)] for entry in entries]
        if names:
            self.decisions.append(Decision(question, option, names[0][0], [name for _, name in names]))

    def name(self, entry: dict) -> Any:
        """Return what identifies an entry of the input file."""
        return self._names[id(entry)][1]

    def _add(self, kind: str, entry: dict, is_removal: bool) -> None:
        of, name = self._names[id(entry)]
        names = self._changes.setdefault((kind, of, is_removal), [])
        if not names or names[-1] != name:  # two changes of one kind to one entry are one
            names.append(name)


def _names(entries: list[dict], of: str) -> Iterable[tuple[dict, tuple[str, Any]]]:
    counts = Counter(repr(entry.get('id')) for entry in entries)
    for position, entry in enumerate(entries, start=1):
        value = entry.get('id')
        if not isinstance(value, (int, str)):
            yield entry, (of, f'entry {position}' if value is None else f'{value} (entry {position})')
        else:
            yield entry, (of, value if counts[repr(value)] == 1 else f'{value} (entry {position})')
