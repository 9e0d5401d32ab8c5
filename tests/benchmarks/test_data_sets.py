"""The sweep of data sets: its page lists what mmdet registers and says what is found now, and it sees what is wrong."""

import re
from pathlib import Path

import pytest
from mmdet.registry import DATASETS

from imbdet.annotations import AnnotationError

PAGE = Path(__file__).parents[2] / 'docs' / 'data_sets.md'


@pytest.fixture(scope='module')
def sweep(load_tool):
    return load_tool('benchmarks/data_sets.py')


def cells(row, messages):
    """The cells of a row of a table, with messages in place of their numbers."""
    told = re.sub(r'\[(\d+)\]', lambda match: messages[int(match[1])], row.strip('| \n'))
    return [cell.strip() for cell in told.split(' | ')]


def numbered(lines):
    return {int(number): text for number, text in re.findall(r'^(\d+)\. (.*)$', '\n'.join(lines), re.MULTILINE)}


@pytest.fixture(scope='module')
def page():
    """By class the cells of the page, its name without quotes first."""
    lines = PAGE.read_text().splitlines()
    first, second = lines.index('## Wrappers'), lines.index('## Messages')
    rows = [*(line.partition(' | ')[2] for line in lines[:first] if ' | `' in line),
            *(line for line in lines[first:second] if line.startswith('| ') and 'counts' not in line)]
    table = [cells(row, numbered(lines[second:])) for row in rows]
    return {row[0].strip('`'): row[1:] for row in table}


def test_the_page_lists_what_mmdet_registers(page):
    registered = {name for name, kind in DATASETS.module_dict.items() if kind.__module__.startswith('mmdet.datasets.')}
    assert registered <= page.keys()
    others = {name for name in page.keys() - registered if not name.endswith('with Mosaic')}
    assert others == {'RepeatDataset', 'ClassBalancedDataset'}  # mmengine's wrappers


@pytest.mark.parametrize('name', ['Objects365V1Dataset', 'VOCDataset', 'MOTChallengeDataset'])
def test_the_page_says_what_is_found(sweep, page, name, tmp_path):
    rendered = sweep.Page()
    row = rendered.row(sweep.try_data_set(name, tmp_path))
    assert cells(row, numbered(rendered.messages())) == page[name]


@pytest.fixture
def case(sweep, tmp_path):
    kind = DATASETS.get('CocoDataset')
    written = sweep.write_coco(tmp_path, kind, ['zebra', 'acorn', 'mug', 'lute', 'fern', 'kite'])
    return sweep.Case(kind, written, sweep.build(written.config))


@pytest.mark.parametrize('check', ['check_sampler', 'check_counts'])
def test_a_label_that_is_not_the_written_name_is_a_gap(sweep, case, check):
    assert sweep.outcome(getattr(sweep, check), case) == 'yes'
    image, *rest = case.written.images
    boxes = case.written.images[image]
    other = {image: [boxes[0]._replace(name='acorn'), *boxes[1:]], **{name: case.written.images[name] for name in rest}}
    wrong = case._replace(written=case.written._replace(images=other))
    assert sweep.outcome(getattr(sweep, check), wrong).startswith('GAP: AssertionError')


def test_detections_of_the_wrong_class_are_a_gap(sweep, case):
    assert sweep.outcome(sweep.check_metric, case) == "AP 1 (`style='coco'`)"
    items = [case.dataset.get_data_info(index) for index in range(len(case.dataset))]
    items[0]['instances'][0]['bbox_label'] = 1
    case.dataset.get_data_info = items.__getitem__
    assert re.match(r'GAP: AP 0\.\d+ of the ground truth itself', sweep.outcome(sweep.check_metric, case))


def test_refusals_must_name_the_data_set_or_its_file(sweep, case):
    def refuse(message):
        def check(_):
            raise ValueError(message)
        return sweep.outcome(check, case)

    folder = case.written.config['data_root']
    assert refuse(f'{folder}/val.json: bad') == 'refused: val.json: bad'
    assert refuse('CocoDataset: bad') == 'refused: CocoDataset: bad'
    assert refuse('bad').startswith('GAP: ValueError: bad (test_data_sets.py:')


def test_checks_that_do_not_tell_right_classes_from_wrong_ones_are_gaps(sweep, case, load_tool):
    def refuse(_):
        raise AnnotationError('other classes')

    assert sweep.check_of_built(case) == sweep.check_of_config(case) == 'yes'
    verdict = load_tool('benchmarks/data_set_checks.py').verdict
    assert verdict(case, lambda _: None) == 'GAP: accepts wrong spelling and order'
    assert verdict(case, refuse) == 'GAP: the right classes are refused: other classes'
    assert verdict(case, lambda config: refuse(config) if config['metainfo'] != case.written.config['metainfo'] else None) == (
        'GAP: refused without the class: other classes')


def test_factors_of_a_wrapper_are_those_of_the_images_it_repeats(sweep, case):
    assert sweep.outcome(sweep.check_sampler, sweep.wrap(case, 'ConcatDataset')) == 'yes'
    refused = sweep.outcome(sweep.check_sampler, sweep.wrap(case, 'ClassBalancedDataset'))
    assert refused.startswith('refused: RepeatFactorSampler over a ClassBalancedDataset')
