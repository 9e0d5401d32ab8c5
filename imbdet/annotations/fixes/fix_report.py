"""Report of a fix, as text and as JSON."""

import textwrap
from dataclasses import dataclass
from typing import Any

from imbdet.annotations.fault import first_ten
from imbdet.annotations.fixes.fix_log import LISTS, Change, Decision

PLURALS = {of: plural for plural, of in LISTS.items()}


@dataclass(frozen=True)
class FixReport:
    """What a fix did.

    Attributes:
        changes: All changes, by kind.
        decisions: What could not be decided; empty if the fixed content is usable.
        notes: What is worth knowing although nothing was changed.
        before: Number of entries of ``images``, ``annotations`` and ``categories`` in the input.
        after: The same in the output.
    """

    changes: list[Change]
    decisions: list[Decision]
    notes: list[str]
    before: dict[str, int]
    after: dict[str, int]

    def lines(self) -> list[str]:
        """Return the report as lines of text, with the first ten ids of each change."""
        lines = []
        for title, is_removal in (('Changed', False), ('Removed', True)):
            changes = [change for change in self.changes if change.is_removal == is_removal]
            if changes:
                lines += [f'{title}:', *(_line(change.of, change.ids, change.kind) for change in changes)]
        if self.decisions:
            lines.append('To be decided:')
            for decision in self.decisions:
                lines.append(_line(decision.of, decision.ids, decision.question))
                if decision.option:
                    lines.append(f'      {decision.option}')
        if not self.changes and not self.decisions:
            lines.append('Nothing to fix')
        lines += [f'Note: {note}' for note in self.notes]
        if self.changes and not self.decisions:
            lines.append(f'Result: {", ".join(self._left(key) for key in LISTS)}')
        return [part for line in lines for part in textwrap.wrap(line, 120, subsequent_indent=' ' * 6, break_on_hyphens=False,
                                                                 break_long_words=False)]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON types, with all ids."""
        return {'before': self.before, 'after': self.after,
                'changes': [{**change._asdict(), 'count': max(len(change.ids), 1)} for change in self.changes],
                'decisions': [decision._asdict() for decision in self.decisions], 'notes': self.notes}

    def _left(self, key: str) -> str:
        before, after = self.before[key], self.after[key]
        return f'{after} {key}' if before == after else f'{after} of {before} {key}'


def _line(of: str, ids: list[Any], text: str) -> str:
    if not ids:
        return f'  {of}: {text}'
    return f'  1 {of}: {text} (id {ids[0]})' if len(ids) == 1 else f'  {len(ids)} {PLURALS[of]}: {text} (ids {first_ten(ids)})'
