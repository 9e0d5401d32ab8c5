"""The table of faults in README.md: every row has tests, and they are there."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = {int(number): re.findall(r'`([\w/]+\.py)::(\w+)`', rest)
        for number, rest in re.findall(r'^\| (\d+) \|(.*)$', (TESTS / 'README.md').read_text(), re.MULTILINE)}


def faults(text):
    """The numbers in what reads like "fault 3" or "faults 3, 4 and 5"."""
    return {int(number) for found in re.findall(r'\bfaults? (\d+(?:(?:, | and )\d+)*)', text)
            for number in re.findall(r'\d+', found)}


@cache
def named(file):
    """The faults that a test file names, and for each test those that the test itself names."""
    source = file.read_text()
    tree = ast.parse(source)
    tests = {node.name: faults(ast.get_source_segment(source, node) + source.splitlines()[node.lineno - 1])
             for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith('test_')}
    return faults(ast.get_docstring(tree) or ''), tests


def test_every_fault_has_a_row():
    assert list(ROWS) == list(range(1, 34))


def test_every_row_has_tests_that_name_it():
    for number, tests in ROWS.items():
        files = [(TESTS / file, test) for file, test in tests]
        assert [test for file, test in files if test not in named(file)[1]] == [], number
        assert any(number in named(file)[0] | named(file)[1][test] for file, test in files), number


def test_every_test_that_names_a_fault_is_in_its_row():
    files = set(TESTS.rglob('test_*.py')) - {Path(__file__)}
    found = {(number, str(file.relative_to(TESTS)), test)
             for file in files for test, numbers in named(file)[1].items() for number in numbers}
    listed = {(number, *test) for number, tests in ROWS.items() for test in tests}
    assert found - listed == set()
    assert len(found) > 50
