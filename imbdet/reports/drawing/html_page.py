"""Self-contained HTML page of text, tables and pictures."""

import base64
import html
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imbdet.files import atomic_write

STYLE = '''
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2833; max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #d5d8dc; }
img { max-width: 100%; height: auto; } figure { margin: 0; }
pre { background: #f4f6f7; padding: .8rem; overflow-x: auto; font: 14px/1.45 ui-monospace, monospace; }
.scroll { overflow-x: auto; max-height: 32rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; } th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #d5d8dc; }
@media (max-width: 42rem) { figure { overflow-x: auto; } img { max-width: none; width: 40rem; } }
'''


class Section(NamedTuple):
    """A section of the page.

    Attributes:
        title: Its heading.
        text: Paragraphs below it, separated by empty lines; may be empty.
        picture: A PNG to show, or None.
        table: Rows of text, the header first; may be empty.
        code: Lines of code, shown verbatim; may be empty.
    """

    title: str
    text: str = ''
    picture: Path | None = None
    table: Sequence[Sequence[str]] = ()
    code: str = ''


def write_page(out: str | Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write a page with embedded pictures, so that it can be sent as a single file.

    Args:
        out: HTML file to write.
        title: Title and first heading.
        lead: First paragraph.
        sections: The sections.

    Returns:
        ``out``.
    """
    body = [f'<h1>{html.escape(title)}</h1>', f'<p>{html.escape(lead)}</p>']
    for section in sections:
        body.append(f'<h2>{html.escape(section.title)}</h2>')
        body += [f'<p>{html.escape(paragraph)}</p>' for paragraph in section.text.split('\n\n') if paragraph]
        if section.picture is not None:
            data = base64.b64encode(section.picture.read_bytes()).decode()
            body.append(f'<figure><img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}"></figure>')
        if section.table:
            body.append(_table(section.table))
        if section.code:
            body.append(f'<pre><code>{html.escape(section.code)}</code></pre>')
    with atomic_write(out) as path:
        path.write_text('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                        f'<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
                        + '\n'.join(body) + '\n</body>\n</html>\n', encoding='utf-8')
    return Path(out)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = ([html.escape(cell) for cell in row] for row in rows)
    lines = ''.join(f'<tr>{"".join(f"<td>{cell}</td>" for cell in row)}</tr>\n' for row in rest)
    return (f'<div class="scroll"><table>\n<thead><tr>{"".join(f"<th>{cell}</th>" for cell in head)}</tr></thead>\n'
            f'<tbody>\n{lines}</tbody>\n</table></div>')


def page_text(title: str, lead: str, sections: Sequence[Section], most_rows: int = 20) -> str:
    """Return a page as text for a terminal, with long tables cut and without pictures.

    Args:
        title: Title.
        lead: First paragraph.
        sections: The sections.
        most_rows: Maximum number of table rows to show.

    Returns:
        Lines of text.
    """
    parts = [f'{title}\n{"=" * len(title)}', _wrapped(lead)]
    for section in sections:
        parts.append(f'{section.title}\n{"-" * len(section.title)}')
        parts += [_wrapped(paragraph) for paragraph in section.text.split('\n\n') if paragraph]
        if section.table:
            parts.append(text_table(section.table, most_rows))
        if section.code:
            parts.append(section.code.rstrip())
    return '\n\n'.join(parts) + '\n'


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)


def text_table(rows: Sequence[Sequence[str]], most_rows: int) -> str:
    """Return a table as lines of text with aligned columns.

    Args:
        rows: Rows of text, the header first.
        most_rows: Maximum number of rows to show after the header.

    Returns:
        Lines of text.
    """
    shown = rows[:most_rows + 1]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = ['  '.join(cell.rjust(width) if place else cell.ljust(width)
                       for place, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in shown]
    if len(rows) > len(shown):
        lines.append(f'... and {len(rows) - len(shown)} more')
    return '\n'.join(lines)
