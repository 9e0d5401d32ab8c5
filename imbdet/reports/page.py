"""One HTML page of text, tables and pictures, in a single file."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imbdet.files import whole_file

STYLE = '''
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2833; max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #d5d8dc; }
img { max-width: 100%; height: auto; } figure { margin: 0; } .scroll { overflow-x: auto; max-height: 32rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; } th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #d5d8dc; }
'''


class Section(NamedTuple):
    """A part of the page.

    Attributes:
        title: Its heading.
        text: A paragraph below it; may be empty.
        picture: A PNG to show; None without.
        table: Rows of text, the first of them the head; empty without.
    """

    title: str
    text: str = ''
    picture: Path | None = None
    table: Sequence[Sequence[str]] = ()


def write_page(out: str | Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write the page, with its pictures in it, so that it can be sent as one file.

    Args:
        out: HTML file to write.
        title: Title and first heading.
        lead: First paragraph.
        sections: What follows.

    Returns:
        ``out``.
    """
    body = [f'<h1>{html.escape(title)}</h1>', f'<p>{html.escape(lead)}</p>']
    for section in sections:
        body.append(f'<h2>{html.escape(section.title)}</h2>')
        if section.text:
            body.append(f'<p>{html.escape(section.text)}</p>')
        if section.picture is not None:
            data = base64.b64encode(section.picture.read_bytes()).decode()
            body.append(f'<figure><img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}"></figure>')
        if section.table:
            body.append(_table(section.table))
    with whole_file(out) as path:
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
