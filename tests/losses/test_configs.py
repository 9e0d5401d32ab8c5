"""The configs of losses and layers: their heads are built, and supported by their losses."""

from pathlib import Path

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config

from imbdet.losses.supported_heads import why_not

CONFIGS = Path(__file__).parents[2] / 'configs/losses'
# Of the others, tests/test_configs.py builds the whole detector.
NAMES = sorted(path.name for path in CONFIGS.glob('*r*n*_r50_fpn_*.py') if not path.name.startswith('atss'))


@pytest.mark.parametrize('name', NAMES)
def test_heads(name):
    config = Config.fromfile(CONFIGS / name)
    head = MODELS.build(config.model.roi_head.bbox_head if 'roi_head' in config.model else config.model.bbox_head)
    if hasattr(head.loss_cls, 'corrects_prior') or 'federated' in name:
        assert why_not(head.loss_cls, head) is None
    else:
        assert 'cosine' in name or 'cab' in name
    if 'cosine' in name:
        assert any(type(module).__name__.startswith('Cosine') for module in head.modules())
    hooks = config.get('custom_hooks', [])
    assert all(hook.type != 'OptimalBiasInitHook' or list(hook.prior) == ['roi_head.bbox_head'] or 'rcnn' not in name
               for hook in hooks)
