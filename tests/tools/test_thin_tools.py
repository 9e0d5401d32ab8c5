"""Scripts that are verbs of the command: each has the verb's arguments and does what it does."""

import pytest

from imbdet.cli import main

TOOLS = {
    'train.py': 'train', 'test.py': 'test', 'quickstart.py': 'quickstart', 'analysis/imbalance_report.py': 'report',
    'analysis/long_tail_report.py': 'compare', 'analysis/grid_report.py': 'grid', 'grid.py': 'grid',
    'benchmark/grid.py': 'grid',
    'equity/build_likelihoods.py': 'likelihoods', 'model_converters/export_detector.py': 'export'
}


def help_text(run, *arguments, capsys):
    with pytest.raises(SystemExit, match='0'):
        run([*arguments, '--help'])
    said = capsys.readouterr().out
    return said[said.index('\n\n'):]  # behind the usage, which has the name of the script


@pytest.mark.parametrize(('tool', 'verb'), TOOLS.items())
def test_flags(load_tool, tool, verb, capsys):
    of_tool = help_text(load_tool(f'tools/{tool}').main, capsys=capsys)
    assert of_tool == help_text(main, verb, capsys=capsys)
    assert '--verbose' in of_tool


def test_a_script_from_its_command_line(run_python, load_tool, annotation_file, tmp_path):
    tool = load_tool('tools/analysis/imbalance_report.py').__file__
    path = annotation_file([(1, 1), (1, 2), (2, 1), (3, 1)])
    process = run_python(tool, path, '--out', tmp_path / 'out')
    assert process.returncode == 0, process.stderr
    assert (tmp_path / 'out/index.html').is_file()
    process = run_python(tool, tmp_path / 'none.json')
    assert process.returncode == 1
    assert process.stderr.startswith('imbdet: error: FileNotFoundError: annotation file not found: ')


def test_sample_data(run_python, load_tool, digits):
    """It is made in the fixture; the tool sees that it is there."""
    process = run_python(load_tool('tools/data/make_digits_longtail.py').__file__, digits)
    assert process.stdout == f'{digits} exists already, with seed 0\n', process.stderr
