"""A page as text and its code."""

import html

from imbdet.reports.drawing.html_page import Section, page_text, write_page

SECTIONS = [Section('Table', 'one\n\ntwo', table=[('name', 'n'), ('a', '1'), ('long name', '22'), ('b', '3')]),
            Section('Code', code="x = '<a>'\ny = 1\n")]


def test_text():
    assert page_text('Title', 'lead', SECTIONS, most_rows=2) == '''Title
=====

lead

Table
-----

one

two

name        n
a           1
long name  22
... and 1 more

Code
----

x = '<a>'
y = 1
'''


def test_long_paragraphs_are_wrapped():
    lines = page_text('Title', 'word ' * 100, []).splitlines()
    assert max(map(len, lines)) <= 120
    assert ' '.join(lines[3:]) == ('word ' * 100).strip()


def test_paragraphs_and_code_in_html(tmp_path):
    text = write_page(tmp_path / 'page.html', 'Title', 'lead', SECTIONS).read_text()
    assert '<p>one</p>\n<p>two</p>' in text
    assert f'<pre><code>{html.escape(SECTIONS[1].code)}</code></pre>' in text
