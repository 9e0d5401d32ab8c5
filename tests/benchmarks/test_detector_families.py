"""The sweep of detector families: what it finds by hand for one family, and that it sees a hook that serves half."""

import pytest

from imbdet.heads import HEAD_SPECS


@pytest.fixture(scope='module')
def sweep(load_tool):
    return load_tool('benchmarks/detector_families.py')


@pytest.fixture(scope='module')
def free_anchor(sweep):
    return sweep.build_family('free_anchor')


def test_a_family_with_one_loss_for_classes_and_boxes(sweep, free_anchor, tmp_path):
    found = {name: sweep.outcome(check, free_anchor) for name, check in sweep.CHECKS.items()}
    assert not any(failed for _, failed in found.values())
    assert found['bias'][0] == 'yes, `prior`'
    assert 'no regression loss goes with positive_bag_loss, negative_bag_loss' in found['guided'][0]
    assert found['threshold'][0] == found['equity all'][0] == found['shift'][0] == 'yes'
    assert 'takes classes and boxes together; choose apply_to=' in found['equity cls'][0]
    sweep.write_table(tmp_path / 'table.md', [('free_anchor', [text for text, _ in found.values()])])
    assert '| free_anchor | `freeanchor_r50_fpn_1x_coco` | yes, `prior` | [1] | yes | [2] | yes | yes |' in (
        tmp_path / 'table.md').read_text()


def test_a_weight_that_reaches_a_part_is_seen(sweep, free_anchor, monkeypatch):
    """As if only the classification of FreeAnchor were weighted, of a loss that takes boxes too."""
    head = type(free_anchor.detector.bbox_head)
    monkeypatch.setitem(HEAD_SPECS, head, HEAD_SPECS[head]._replace(outputs=(0,)))
    monkeypatch.setattr('imbdet.heads.predictions.head_spec', lambda _: HEAD_SPECS[head]._replace(is_joint=False))
    text, failed = sweep.outcome(sweep.CHECKS['equity cls'], free_anchor)
    assert failed
    assert 'gradients are not weighted' in text
