"""What is suggested follows from the numbers, and the config loads and builds."""

import os
from dataclasses import replace

import pytest
from mmdet.datasets import CocoDataset
from mmdet.registry import DATA_SAMPLERS, METRICS
from mmengine.config import Config

from imbdet.evaluation import LongTailMetric
from imbdet.reports.dataset.dataset_analysis import analyze_dataset
from imbdet.reports.dataset.suggestion import suggest
from imbdet.sampling_free.config_prior import ConfigPriors

# 40 images: class a in all of them, b in 20, c in 2, a box each.
TAIL = [*((image, 1) for image in range(1, 41)), *((image, 2) for image in range(1, 21)), (5, 3), (6, 3)]
PRIORS = ConfigPriors({'bbox_head': {'prior': 0.00123456, 'is_guess': False}, 'guessed': {'prior': 0.5, 'is_guess': True}}, {})
BASE = '''
custom_imports = dict(imports=['collections'], allow_failed_imports=False)
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CocoDataset', ann_file={train!r}, data_prefix=dict(img=''),
                 metainfo=dict(classes=('a', 'b', 'c')), pipeline=[]))
val_evaluator = dict(type='CocoMetric', ann_file={train!r}, metric=['bbox', 'proposal'], format_only=False)
test_evaluator = val_evaluator
'''


@pytest.fixture
def suggestion(annotation_file, tmp_path, monkeypatch):
    """A function that examines boxes, under a config if one is given, and returns the suggestion and the loaded config."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'out').mkdir()

    def make(boxes=TAIL, base=None, num_images=40, image_keys=None, **keys):
        path = annotation_file(boxes, num_images=num_images, image_keys=image_keys)
        findings = analyze_dataset(os.path.relpath(path, tmp_path), **keys)
        if base is not None:
            (tmp_path / 'base.py').write_text(base.format(train=str(path)))
            findings = replace(findings, cfg=Config.fromfile(tmp_path / 'base.py'), is_trained_on=True, priors=PRIORS)
        result = suggest(findings, tmp_path / 'out')
        (tmp_path / 'out/suggestion.py').write_text(result.config)
        return ' '.join(result.reasons), Config.fromfile(tmp_path / 'out/suggestion.py'), findings

    return make


def test_rfs_without_bursty_classes(suggestion):
    reasons, cfg, findings = suggestion()
    sampler = cfg.train_dataloader.sampler
    assert (sampler.method, sampler.threshold) == ('rfs', findings.epochs['rfs'].threshold)
    assert 'Resample with RFS: no class is bursty' in reasons
    assert 'repeats images of 2 of 3 classes, those of c most: each is drawn 3.38 times per epoch' in reasons
    assert cfg.val_evaluator.style == 'coco'
    assert 'custom_hooks' not in cfg


def test_irfs_with_bursty_classes(suggestion):
    reasons, cfg, _ = suggestion([*TAIL, *[(7, 3)] * 20])
    assert cfg.train_dataloader.sampler.method == 'irfs'
    assert '1 class is bursty' in reasons
    assert 'c (3 images, 22 boxes) and b (20 images, 20 boxes)' in reasons


@pytest.mark.parametrize(('boxes', 'keys', 'reason'), [
    ([(image, 1 + image % 3) for image in range(1, 41)], {}, 'our rule of thumb for a long tail'),
    (TAIL, dict(target_length=1.0), 'leaves no room for repeats'),
    ([], {}, 'The file has no countable box'),
])
def test_no_resampling(suggestion, boxes, keys, reason):
    reasons, cfg, _ = suggestion(boxes, **keys)
    assert reason in reasons
    assert 'train_dataloader' not in cfg
    assert cfg.val_evaluator.type == 'LongTailMetric'


def test_a_length_that_no_threshold_gives(suggestion):
    reasons, cfg, findings = suggestion(target_length=9)
    assert findings.reached == {'rfs': False, 'irfs': False}
    assert cfg.train_dataloader.sampler.threshold == 1.0
    assert 'short of the target 9, makes an epoch' in reasons


def test_what_comes_first(suggestion):
    reasons, _, _ = suggestion([*TAIL, dict(area=None), dict(bbox=[500, 5, 5, 5])])
    assert reasons.startswith('Fix the file first, since training cannot start with it: annotations without area. 2 faulty '
                              'boxes are not trained on')
    reasons, _, _ = suggestion(TAIL[:60])
    assert reasons.startswith('1 classes have no images, and no method can help: c.')


def test_lvis_style_and_limits(suggestion):
    keys = dict(neg_category_ids=[], not_exhaustive_category_ids=[])
    _, cfg, _ = suggestion(image_keys=keys, rare_max=2, common_max=20)
    assert cfg.val_evaluator.style == 'lvis'
    assert (cfg.val_evaluator.rare_max, cfg.val_evaluator.common_max) == (2, 20)
    assert cfg.test_evaluator == cfg.val_evaluator


def test_over_a_config_it_is_complete(suggestion):
    reasons, cfg, findings = suggestion(base=BASE)
    assert cfg.custom_imports.imports == ['collections', 'imbdet']
    assert cfg.train_dataloader.batch_size == 2
    dataset = CocoDataset(**{key: value for key, value in cfg.train_dataloader.dataset.items() if key != 'type'})
    sampler = DATA_SAMPLERS.build(cfg.train_dataloader.sampler, default_args=dict(dataset=dataset, seed=0))
    assert len(sampler) == findings.epochs['rfs'].length == 46
    metric = METRICS.build(cfg.val_evaluator)
    assert isinstance(metric, LongTailMetric)
    assert metric.metrics == ['bbox']
    assert cfg.test_evaluator == cfg.val_evaluator
    assert cfg.custom_hooks == [dict(type='OptimalBiasInitHook', prior={'bbox_head': 0.00123})]
    assert 'Start bbox_head from its measured foreground prior 0.00123' in reasons


def test_what_the_config_has_stays(suggestion):
    wrapped = BASE.replace("dataset=dict(type='CocoDataset'", "dataset=dict(type='ClassBalancedDataset', oversample_thr=0.1, "
                           "dataset=dict(type='CocoDataset'").replace('pipeline=[]))', 'pipeline=[])))')
    reasons, cfg, _ = suggestion(base=wrapped + "custom_hooks = [dict(type='NumClassCheckHook')]\n")
    assert cfg.train_dataloader.dataset.type == 'CocoDataset'
    assert 'oversample_thr' not in cfg.train_dataloader.dataset
    assert 'ClassBalancedDataset, which already repeats images' in reasons
    assert [hook.type for hook in cfg.custom_hooks] == ['NumClassCheckHook', 'OptimalBiasInitHook']
    hooked = BASE.replace("type='CocoMetric'", "type='LongTailMetric'") + "custom_hooks = [dict(type='OptimalBiasInitHook')]\n"
    reasons, cfg, _ = suggestion(base=hooked)
    assert cfg.custom_hooks == [dict(type='OptimalBiasInitHook')]
    assert cfg.val_evaluator.metric == ['bbox', 'proposal']
    assert 'foreground prior' not in reasons
