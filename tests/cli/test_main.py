"""The command itself: its verbs, what it imports, and what it says of a verb that does not exist."""

import argparse
import importlib
import json
import re
from pathlib import Path

import pytest
from mmengine.config import DictAction

import imbdet
from imbdet import installation
from imbdet.cli import VERBS, main
from imbdet.cli.arguments import add_common_arguments, parse_options
from imbdet.cli.errors import USAGE_ERROR, one_line_errors
from imbdet.cli.quickstart import CONFIG

HEAVY = {'torch', 'torchvision', 'mmcv', 'mmengine', 'mmdet', 'sklearn', 'scipy'}


@pytest.fixture
def imported(run_python):
    """A function that runs a command line in a process of its own and returns which heavy packages it imported."""

    def run(*arguments, lines=''):
        process = run_python('-c', 'import contextlib, sys\nfrom imbdet.cli import main\n'
                             f'with contextlib.suppress(SystemExit):\n    main({[str(each) for each in arguments]})\n{lines}\n'
                             f'print(sorted({HEAVY} & sys.modules.keys()))')
        assert process.returncode == 0, process.stderr
        assert 'imbdet: error' not in process.stderr
        return process.stdout.splitlines()

    return run


def test_help_imports_nothing_heavy(imported):
    *said, heavy = imported('--help', lines="for verb in ('train', 'likelihoods'):\n    with contextlib.suppress(SystemExit):\n"
                            "        main([verb, '--help'])\nassert 'imbdet.cli.test' not in sys.modules")
    assert heavy == '[]'
    assert [line.split()[0] for line in said if re.match(r'    \w', line)][:len(VERBS)] == list(VERBS)


def test_a_report_imports_nothing_heavy(imported, annotation_file, tmp_path):
    path = annotation_file([(1, 1), (1, 2), (2, 1), (3, 1)])
    *said, heavy = imported('report', path, '--out', tmp_path / 'report')
    assert said[-1].startswith(f'wrote {tmp_path}/report/index.html')
    assert heavy == '[]'


def test_a_comparison_imports_nothing_heavy(imported, annotation_file, tmp_path):
    path = annotation_file([(1, 1), (1, 2), (2, 1), (3, 1)])
    (tmp_path / 'found.json').write_text(json.dumps([
        {'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 20, 20], 'score': 0.9}]))
    *said, heavy = imported('compare', tmp_path / 'found.json', '--ann', path, '--train-ann', path, '--out', tmp_path / 'out')
    assert said[-1].startswith(f'wrote {tmp_path}/out/index.html')
    assert heavy == '[]'


def test_python_m(run_python):
    assert run_python('-m', 'imbdet', '--version').stdout == f'imbdet {imbdet.__version__}\n'


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_is_a_file_with_help(verb, capsys):
    with pytest.raises(SystemExit, match='0'):
        main([verb, '--help'])
    said = ' '.join(capsys.readouterr().out.split())
    assert said.startswith(f'usage: imbdet {verb} ')
    assert VERBS[verb] in said
    assert '--verbose' in said
    assert callable(importlib.import_module(f'imbdet.cli.{verb}').run)


@pytest.mark.parametrize(('verb', 'said'), [('trian', "'trian'; did you mean 'train'? The verbs are train, test, "),
                                            ('zzz', "'zzz'. The verbs are train, ")])
def test_unknown_verb(verb, said, capsys):
    with pytest.raises(SystemExit, match=str(USAGE_ERROR)):
        main([verb, '--out', 'x'])
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith(f'imbdet: error: unknown verb {said}')


def test_no_verb(capsys):
    with pytest.raises(SystemExit, match=str(USAGE_ERROR)):
        main([])
    assert 'quickstart' in capsys.readouterr().out


def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch, capsys):
    def check():
        raise installation.InstallationError("mmdet is not installed: pip install 'mmdet'")

    monkeypatch.setattr(installation, 'check_packages', check)
    with pytest.raises(SystemExit), one_line_errors(verbose=False, code=1):
        importlib.import_module('mmdet_that_is_missing')
    assert "InstallationError: mmdet is not installed: pip install 'mmdet' (" in capsys.readouterr().err


def test_another_import_error_stays(capsys):
    with pytest.raises(SystemExit), one_line_errors(verbose=False, code=1):
        importlib.import_module('something_else')
    assert "ModuleNotFoundError: No module named 'something_else' (" in capsys.readouterr().err


@pytest.mark.parametrize('options', [['a.b=4', 'c=[1,2]', 'd=text', 'e=(1,a),[2]', "f='x=y'", 'a.g=0.5'], ['a=None', 'a=True']])
def test_options_are_read_as_mmdet_reads_them(options):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    expected = parser.parse_args(['--cfg-options', *options]).cfg_options
    assert len(expected) == len({option.split('=')[0] for option in options})
    assert parse_options(options) == expected


def test_no_options():
    assert parse_options([]) == {}


def test_options_of_several_flags_are_joined():
    """As mmengine's DictAction does."""
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    assert parser.parse_args(['--cfg-options', 'a=1', 'b=2', '--cfg-options', 'c=3']).cfg_options == ['a=1', 'b=2', 'c=3']


def test_option_without_a_value(capsys):
    with pytest.raises(SystemExit, match=str(USAGE_ERROR)):
        main(['train', str(CONFIG), '--cfg-options', 'a=1', '--cfg-options', 'lr'])
    assert "ValueError: --cfg-options must be key=value pairs, got 'lr'" in capsys.readouterr().err


def test_completion(run_python, monkeypatch, tmp_path):
    pytest.importorskip('argcomplete')
    out = tmp_path / 'completions'
    for name, value in dict(_ARGCOMPLETE='1', _ARGCOMPLETE_IFS=' ', _ARGCOMPLETE_STDOUT_FILENAME=str(out)).items():
        monkeypatch.setenv(name, value)
    for line, expected in (('imbdet t', {'train', 'test', 'thresholds'}), ('imbdet train --am', {'--amp'})):
        monkeypatch.setenv('COMP_LINE', line)
        monkeypatch.setenv('COMP_POINT', str(len(line)))
        run_python('-m', 'imbdet')
        assert set(out.read_text().split()) == expected


def test_nothing_else_imports_the_command():
    root = Path(imbdet.__file__).parent
    found = {str(path.relative_to(root)) for path in root.rglob('*.py')
             if '.mim' not in path.parts and re.search(r'^\s*(from|import) imbdet\.cli\b', path.read_text(), re.MULTILINE)}
    assert {path for path in found if not path.startswith('cli/')} == {'__main__.py'}
