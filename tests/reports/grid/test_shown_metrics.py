"""The metrics that a report shows, with the names that LongTailMetric gives them."""

import itertools

import pytest

from imbdet.reports.grid.grid_results import Training
from imbdet.reports.grid.shown_metrics import shown_metrics

ORDINARY = ['AP', 'AP50', 'AP75', 'APs', 'APm', 'APl', 'APr', 'APc', 'APf', 'AP_pool']


def shown(*metrics):
    """The metrics that are shown of trainings with these."""
    return shown_metrics([Training('a', 'a', seed, 'a.py', 'f', dict.fromkeys(names, 0.3), [], 1, 1, 0.1, 'CPU', {})
                          for seed, names in enumerate(metrics)])


@pytest.mark.parametrize('prefix', ['lvis', 'coco', 'lvis_fixed', 'of_mine'])
@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_one_kind_of_ap(prefix, kind):
    names = [f'{prefix}/{kind}_{name}' for name in ORDINARY]
    assert shown(names) == [f'{prefix}/{kind}_{name}' for name in ('AP', 'APr', 'APc', 'APf', 'AP_pool')]


def test_fixed_ap_next_to_the_ordinary_one():
    names = [f'{prefix}/bbox_{name}' for prefix, name in itertools.product(('coco', 'coco_fixed'), ORDINARY)]
    assert shown(names) == ['coco/bbox_AP', 'coco/bbox_APr', 'coco/bbox_APc', 'coco/bbox_APf', 'coco/bbox_AP_pool',
                            'coco_fixed/bbox_AP', 'coco_fixed/bbox_APr', 'coco_fixed/bbox_AP_pool']


def test_fixed_ap_next_to_that_of_another_style_or_kind_has_all_groups():
    names = ['lvis/bbox_APf', 'lvis/segm_APf', 'coco_fixed/bbox_APf', 'coco_fixed/segm_APf']
    assert shown(names) == names


def test_metrics_of_other_trainings_come_later():
    assert shown(['rgb/bbox_AP'], ['ir/bbox_AP', 'rgb/bbox_AP'], ['pascal_voc/mAP', 'coco/bbox_mAP', 'coco/bbox_mAP_50']) == [
        'rgb/bbox_AP', 'ir/bbox_AP', 'coco/bbox_mAP']
