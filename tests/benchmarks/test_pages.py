"""The pages show today's results, and a table is what one computes by hand."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from imbdet.reports.grid.grid_results import ClassAP, Training, read_results
from imbdet.reports.grid.grid_runs import group_runs

ROOT = Path(__file__).parents[2]
INTERVAL = r'[+-]0\.\d{3} to [+-]0\.\d{3}'


@pytest.fixture(scope='module')
def pages(load_tool):
    return load_tool('benchmarks/pages.py')


@pytest.fixture(scope='module')
def contents(pages):
    """The module from which pages.py has its tables, with the classes that pages.py knows."""
    return sys.modules['page_contents']


@pytest.fixture(scope='module')
def tables(load_tool):
    return load_tool('benchmarks/page_tables.py')


def training(name, seed, ap, boxes=None, classes=()):
    table = [ClassAP(*each) for each in classes]
    return Training(name, 'plain', seed, 'a.py', name, {'AP': ap, 'APr': ap / 2}, table, 10, 80, 0.1, 'CPU', {}, boxes)


def lines(table):
    """Lines of a table, with a question mark for the dash of what is not known."""
    return table.replace('\N{EN DASH}', '?').splitlines()


def copy_of(pages, folder, monkeypatch, page, change):
    """Run the check on a copy of the project in which one page was changed."""
    for path in pages.pages():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (folder / page).write_text(change((folder / page).read_text()))
    (folder / 'benchmarks').mkdir()
    (folder / 'benchmarks' / 'results').symlink_to(ROOT / 'benchmarks' / 'results')
    monkeypatch.setattr(pages, 'ROOT', folder)


def run_main(pages, monkeypatch, *arguments):
    monkeypatch.setattr('sys.argv', ['pages.py', *arguments])
    with pytest.raises(SystemExit) as stopped:
        pages.main()
    return int(stopped.value.code)


def test_pages_show_the_results(pages, monkeypatch, capsys):
    assert run_main(pages, monkeypatch, '--check') == 0, capsys.readouterr().out


def test_a_changed_digit_fails_and_is_repaired(pages, tmp_path, monkeypatch, capsys):
    page = 'configs/quickstart/README.md'
    good = (ROOT / page).read_text()
    copy_of(pages, tmp_path, monkeypatch, page, lambda text: text.replace('0.589 ± 0.004', '0.589 ± 0.005'))
    assert run_main(pages, monkeypatch, '--check') == 1
    assert f'{page}: table digits_long differs' in capsys.readouterr().out
    assert (tmp_path / page).read_text() != good
    monkeypatch.setattr(pages, 'PICTURES', {})
    assert run_main(pages, monkeypatch) == 0
    assert (tmp_path / page).read_text() == good


@pytest.mark.parametrize(('text', 'message'), [
    ('<!-- table: digit -->\n<!-- end of table -->\n', "a.md: there is no table 'digit'; choose from digits_summary, "),
    ('<!-- table: digits -->\n', 'a.md: .* do not alternate'),
    ('<!-- end of table -->\n', 'a.md: .* do not alternate'),
    ('<!-- table: digits -->\n<!-- table: digits -->\n<!-- end of table -->\n', 'a.md: .* do not alternate')
])
def test_bad_markers_are_named(pages, text, message):
    with pytest.raises(ValueError, match=message):
        pages.with_tables('a.md', text)


def test_text_around_tables_is_kept(pages):
    text = 'one\n<!-- table: digits_equity -->\nold\n<!-- end of table -->\ntwo <!-- a comment --> \n'
    new, differing = pages.with_tables('a.md', text)
    assert differing == ['digits_equity']
    assert new.startswith('one\n<!-- table: digits_equity -->\n| training, 5 seeds | AP |')
    assert new.endswith(' |\n<!-- end of table -->\ntwo <!-- a comment --> \n')
    assert pages.with_tables('a.md', new) == (new, [])


def test_a_table_by_hand(tables):
    """Differences 0.3 and 0.1: the interval is 12.706 standard errors of 0.1 to each side of 0.2."""
    runs = group_runs([training('plain', 0, 0.1, 70), training('plain', 1, 0.3, 1070), training('rfs', 0, 0.4),
                       training('rfs', 1, 0.4, 90), training('once', 1, 0.2)])
    table = tables.RunTable('a', 'run', {'once': 'one', 'later': 'L', 'rfs': 'RFS', 'plain': 'P'},
                            {'AP': 'mean', 'APs': 'none'}, True, {'AP': 'gain'}, {'APr': 'each'})
    assert lines(tables.markdown_table(table, runs)) == [
        '| run, 2 seeds | mean | none | boxes shown | gain | each |',
        '|---|---|---|---|---|---|',
        '| one (1 seed) | 0.200 | ? | ? | -0.100 | -0.050 |',
        '| RFS | 0.400 ± 0.000 | ? | 90 (1 seed) | +0.200 (-1.071 to +1.471) | +0.150, +0.050 |',
        '| P | 0.200 ± 0.141 | ? | 70 to 1,070 |  |  |']
    assert [run.name for run in tables.shown_runs(table.runs, runs)] == ['once', 'rfs', 'plain']


def test_two_tables_side_by_side(tables):
    runs = group_runs([training('one_plain', 0, 0.1), training('one_plain', 1, 0.1), training('other_plain', 0, 0.3),
                       training('one_rfs', 0, 0.4), training('other_rfs', 0, 0.5)])
    left, right = (tables.RunTable('a', 'run', {f'{name}_plain': 'P', f'{name}_rfs': 'R'}, {metric: metric})
                   for name, metric in (('one', 'AP'), ('other', 'APr')))
    table = tables.SideBySide(left, right)
    assert (table.results, list(table.runs)) == ('a', ['one_plain', 'one_rfs', 'other_plain', 'other_rfs'])
    assert lines(tables.markdown_table(table, runs)) == [
        '| run, 2 seeds | AP | APr |', '|---|---|---|',
        '| P / P (1 seed) | 0.100 ± 0.000 | 0.150 |',
        '| R (1 seed) | 0.400 | 0.250 |']


def test_another_baseline(tables):
    runs = group_runs([training('plain', 0, 0.1), training('rfs', 0, 0.4), training('irfs', 0, 0.3)])
    table = tables.RunTable('a', 'run', {'plain': 'P', 'irfs': 'I', 'rfs': 'R'}, differences={'AP': 'minus RFS'},
                            baseline='rfs')
    rows = lines(tables.markdown_table(table, runs))
    assert rows == ['| run, 1 seed | minus RFS |', '|---|---|', '| P | -0.300 |', '| I | -0.100 |', '| R |  |']


@pytest.mark.parametrize(('groups', 'rows'), [
    ('rcf', ['| AP, 2 seeds | group | training images | I (1 seed) | P |', '|---|---|---|---|---|',
             '| ox | rare | 2 | 0.500 | 0.200 ± 0.141 |', '| elk | common | 30 | ? | ? |',
             '| yak | rare | 40 | 0.200 | 0.100 ± 0.000 |']),
    ('c', ['| AP, 2 seeds | training images | I (1 seed) | P |', '|---|---|---|---|', '| elk | 30 | ? | ? |'])
])
def test_a_table_of_classes_by_hand(tables, groups, rows):
    def classes(yak, ox):
        return [('yak', 'r', 40, yak), ('elk', 'c', 30, None), ('ox', 'r', 2, ox)]

    runs = group_runs([training('plain', 0, 0, classes=classes(0.1, 0.1)), training('plain', 1, 0, classes=classes(0.1, 0.3)),
                       training('irfs', 1, 0, classes=classes(0.2, 0.5))])
    table = tables.ClassTable('a', 'AP', {'irfs': 'I', 'rfs': 'R', 'plain': 'P'}, groups)
    assert lines(tables.markdown_table(table, runs)) == rows


def test_every_table_is_of_runs_of_its_grid_and_in_a_page(pages):
    shown = re.findall(r'<!-- table: (\S+) -->', ''.join(path.read_text() for path in pages.pages()))
    assert sorted(shown) == sorted(pages.TABLES)
    for each in [*pages.TABLES.values(), *pages.PICTURES.values()]:
        grid = runpy.run_path(str(ROOT / 'benchmarks' / 'grids' / f'{each.results}.py'))
        trained = grid['runs'].keys()
        if each.results == 'calibration':  # benchmarks/calibration.py makes several of each
            trained = {name for name in each.runs for run in trained if name.startswith(f'{run}_')}
        assert each.runs.keys() <= trained


def test_metrics_of_tables_are_measured(pages):
    for table in pages.TABLES.values():
        if hasattr(table, 'means'):
            measured = read_results(ROOT / 'benchmarks' / 'results' / f'{table.results}.json')[0].metrics
            assert {*table.means, *table.differences, *table.by_seed} <= measured.keys()


def test_intervals_in_the_text_are_those_of_tables(pages):
    """The pages whose text quotes intervals; MiPa's are of runs without a results file."""
    texts = [re.sub(r'\s+', ' ', pages.PLACE.sub('', path.read_text())) for path in pages.pages() if 'mipa' not in path.parts]
    quoted = [interval for text in texts for interval in re.findall(INTERVAL, text)]
    tables = ''.join(pages.markdown_table(table, pages.results(table.results)) for table in pages.TABLES.values())
    assert len(quoted) > 10
    assert set(quoted) <= set(re.findall(INTERVAL, tables))


def test_missing_runs_are_named(pages, contents, monkeypatch, capsys):
    monkeypatch.setattr(pages, 'TABLES', {'a': contents.RunTable('rbc12', 'run', {'rfs': 'RFS', 'later': 'L'})})
    monkeypatch.setattr(pages, 'pages', list)
    assert run_main(pages, monkeypatch, '--check') == 0
    assert capsys.readouterr().out == 'benchmarks/results/rbc12.json: no run later yet, which is left out\n'


def test_pictures_of_the_runs_that_exist(pages, contents, tmp_path):
    runs = group_runs([training(name, 0, ap, classes=[('yak', 'r', 4, ap), ('elk', 'f', 300, 0.2)])
                       for name, ap in (('plain', 0.1), ('rfs', 0.2))])
    names = {'plain': 'P', 'rfs': 'R', 'later': 'L'}
    for number, picture in enumerate([contents.ClassPicture('a', 'AP', names), contents.GainMap('a', 'APr', 'AP', names)]):
        out = tmp_path / f'{number}.png'
        assert pages.draw_picture(out, picture, runs)
        assert out.read_bytes().startswith(b'\x89PNG')
        assert not pages.draw_picture(tmp_path / 'none.png', picture._replace(runs={'later': 'L'}), runs)
    assert not (tmp_path / 'none.png').exists()
