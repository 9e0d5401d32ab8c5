"""Every shipped config builds its model, gives a batch from its data pipeline and builds its evaluator."""

import copy
import functools
import json
from pathlib import Path

import cv2
import mmdet
import numpy as np
import pytest
import torch
import yaml
from mmdet.datasets import CocoDataset, LVISV1Dataset
from mmdet.registry import HOOKS, METRICS, MODELS
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from imbdet.data import check_config
from imbdet.evaluation import LongTailMetric
from imbdet.mipa import ModalityAgnosticDetector

CONFIGS = Path(__file__).parents[1] / 'configs'
SHIPPED = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('[!_]*/*.py'))
# Trained on pairs of images. Those of one camera, or of whole images, are compared with those of mixed patches, not built.
PAIRED = [name for name in SHIPPED if name.startswith('mipa/') or 'digits-pairs' in name]
# Of a config with the modality head, the detector is that of the config without it, so that only one of them is built. A
# config of RFS is that of IRFS but for the method.
BUILT = [name for name in SHIPPED if '_rfs_' not in name or name.replace('_rfs_', '_irfs_') not in SHIPPED]
BUILT = [name for name in BUILT if name not in PAIRED or '_mipa-ma_' in name or '_combined_' in name
         or ('_mipa_' in name and name.replace('_mipa_', '_mipa-ma_') not in SHIPPED)]


def is_slow(name):
    """Whether the suite builds a config that shows the same: with a smaller backbone, or of a DETR on the other data set."""
    smaller = (('_swin-l_', '_swin-t_'), ('_swin-l_mipa-ma_3x', '_swin-t_mipa-ma_4x'), ('_x101-64x4d_', '_r50_'),
               ('_r101_', '_r50_'))
    twins = [name.replace(large, small) for large, small in smaller if large in name]
    # The losses differ in their heads alone, which tests/losses/test_configs.py builds.
    one_of_each = ('losses/mask-rcnn_r50_fpn_ecm-cosine_2x_lvis-v1.py', 'losses/retinanet_r50_fpn_efl_1x_coco.py',
                   'losses/faster-rcnn_r50_fpn_federated_1x_coco.py')
    twins += [twin for twin in one_of_each if name.split('_')[0] == twin.split('_')[0]]
    if name.startswith(('mipa/d', 'mipa/retinanet')):
        twins.append(name.replace('_flir', '_llvip'))
    return any(twin in BUILT and twin != name for twin in twins)


TRIED = [pytest.param(name, marks=pytest.mark.slow) if is_slow(name) else name for name in BUILT]


def write_data_set(ann_file, image_folder, classes, num_images=4, num_boxes=2, ending='.jpg', subfolder=''):
    """Write a small LVIS-format data set whose first classes occur in every image."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for image_id in range(1, num_images + 1):
        name = f'{subfolder}{image_id:012d}{ending}'
        (image_folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(image_folder / name), rng.integers(0, 255, (96, 128, 3), dtype=np.uint8))
        images.append({'id': image_id, 'file_name': name, 'width': 128, 'height': 96, 'neg_category_ids': [],
                       'coco_url': f'http://images.cocodataset.org/{image_folder.name}/{name}',
                       'not_exhaustive_category_ids': []})
        for position in range(num_boxes):
            annotations.append({'id': len(annotations) + 1, 'image_id': image_id, 'category_id': position + 1,
                                'bbox': [8, 8, 40, 40], 'area': 1600, 'iscrowd': 0,
                                'segmentation': [[8, 8, 48, 8, 48, 48, 8, 48]]})
    categories = [{'id': index + 1, 'name': name, 'frequency': 'rcf'[index % 3], 'image_count': 1, 'instance_count': 1}
                  for index, name in enumerate(classes)]
    ann_file.parent.mkdir(parents=True, exist_ok=True)
    ann_file.write_text(json.dumps({'images': images, 'annotations': annotations, 'categories': categories}))


@pytest.fixture(scope='module')
def data_root(digits, tmp_path_factory):
    """A folder with data/ as the configs expect it."""
    root = tmp_path_factory.mktemp('configs')
    (root / 'data').mkdir()
    (root / 'data/digits_longtail').symlink_to(digits)
    for split in ('train', 'val'):
        write_data_set(root / f'data/lvis_v1/annotations/lvis_v1_{split}.json', root / f'data/lvis_v1/{split}2017',
                       LVISV1Dataset.METAINFO['classes'])
        write_data_set(root / f'data/my_dataset/annotations/{split}.json', root / 'data/my_dataset/images',
                       ('cat', 'dog', 'axolotl'))
    for split in ('train', 'val'):
        write_data_set(root / f'data/coco/annotations/instances_{split}2017.json', root / f'data/coco/{split}2017',
                       CocoDataset.METAINFO['classes'])
    for split in ('train', 'val'):
        write_data_set(root / f'data/kitti/annotations/kitti_{split}.json', root / 'data/kitti/training/image_2',
                       ('Car', 'Pedestrian', 'Cyclist'))
    for part, split in (('train', 'train'), ('valid', 'train'), ('test', 'test')):
        for camera in ('infrared', 'visible'):
            write_data_set(root / f'data/LLVIP/annotations/llvip_{part}.json', root / f'data/LLVIP/{camera}/{split}',
                           ('person', ), num_boxes=1)
        for ending in ('_PreviewData.jpeg', '_RGB.jpg'):
            write_data_set(root / f'data/FLIR_aligned/annotations/flir_{part}.json', root / 'data/FLIR_aligned/JPEGImages',
                           ('person', 'car', 'bicycle'), ending=ending)
        for camera in ('lwir', 'visible'):
            write_data_set(root / f'data/KAIST/images/annotations/kaist_{part}.json', root / 'data/KAIST/images',
                           ('person', ), num_boxes=1, subfolder=f'set00/V000/{camera}/')
    for year in (2007, 2012):
        write_voc(root / f'data/VOCdevkit/VOC{year}')
    return root


def write_voc(folder):
    """Write two images of 128 x 96 pixels, each with a dog and a person, in Pascal VOC's layout."""
    for name in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (folder / name).mkdir(parents=True)
    box = '<bndbox><xmin>8</xmin><ymin>8</ymin><xmax>88</xmax><ymax>88</ymax></bndbox><difficult>0</difficult>'
    objects = ''.join(f'<object><name>{name}</name>{box}</object>' for name in ('dog', 'person'))
    for name in ('000001', '000002'):
        cv2.imwrite(str(folder / f'JPEGImages/{name}.jpg'), np.full((96, 128, 3), 127, np.uint8))
        (folder / f'Annotations/{name}.xml').write_text(
            f'<annotation><size><width>128</width><height>96</height><depth>3</depth></size>{objects}</annotation>')
    for split in ('trainval', 'test'):
        (folder / f'ImageSets/Main/{split}.txt').write_text('000001\n000002\n')


def test_there_are_configs():
    assert len(SHIPPED) >= 20


@pytest.mark.parametrize('name', TRIED)
def test_config(name, data_root, monkeypatch):
    if '_convnext-' in name:
        pytest.importorskip('mmpretrain.models', reason='needs the package mmpretrain: pip install mmpretrain')
    monkeypatch.chdir(data_root)
    cfg = without_imports(name)
    loaders = {'train_dataloader': 6 if name in PAIRED else 3, 'val_dataloader': 3}
    if name.startswith('mipa/'):  # the others test on what they validate on
        loaders['test_dataloader'] = 3
    check_config(cfg, tuple(loaders))
    shorten(cfg.model)
    model = MODELS.build(cfg.model)
    evaluator = METRICS.build(cfg.val_evaluator)
    MessageHub.get_current_instance().update_info('iter', 0)  # which a runner does, and YOLOX's preprocessor asks for
    for key, channels in loaders.items():
        cfg[key].update(num_workers=0, persistent_workers=False, batch_size=2)
        loader = Runner.build_dataloader(cfg[key], seed=0)
        batch = next(iter(loader))
        assert batch['inputs'][0].shape[0] == channels
        assert batch['data_samples'][0].gt_instances.bboxes.shape[1] == 4
        assert model.data_preprocessor(batch, key == 'train_dataloader')['inputs'].shape[:2] == (2, 3)
    if isinstance(model, ModalityAgnosticDetector):
        with torch.no_grad():
            outputs = model.detector.backbone(torch.zeros(1, 3, 64, 64))
            model.detector.neck(outputs)  # its in_channels are the backbone's
        features = outputs[model.stage]
        head = model.modality_head
        assert features.shape == (1, head.layers[1].in_features, 64 // head.stride, 64 // head.stride)
        assert head.patch_size == model.data_preprocessor.patch_size
        model = model.detector
    heads = [head for head in (getattr(model, 'bbox_head', None), getattr(getattr(model, 'roi_head', None), 'bbox_head',
                                                                          None)) if head is not None]
    heads = heads[0] if hasattr(heads[0], '__len__') else heads
    assert {head.num_classes for head in heads} == {len(loader.dataset.metainfo['classes'])}
    if isinstance(evaluator, LongTailMetric):
        assert len(evaluator.categories) == len(loader.dataset.metainfo['classes'])
    for hook in cfg.get('custom_hooks') or ():
        HOOKS.build({key: value for key, value in hook.items() if key != 'priority'})  # which is the runner's
    cfg = parsed(name)
    assert (cfg.test_evaluator == cfg.val_evaluator) is ('test_dataloader' not in loaders)


def shorten(model):
    """Leave one block per stage of a backbone whose weights would fill a gigabyte; widths and strides stay."""
    backbone = model.get('detector', model).backbone
    if backbone.type == 'mmpretrain.ConvNeXt':
        backbone.arch = {'depths': [1, 1, 1, 1], 'channels': [256, 512, 1024, 2048]}
    elif backbone.get('embed_dims') == 192:
        backbone.depths = [1, 1, 1, 1]


@pytest.mark.parametrize('name', [name for name in SHIPPED if '_irfs_' in name and 'custom' not in name])
def test_rfs_twin_differs_by_the_method_alone(name):
    config, twin = (Config.fromfile(CONFIGS / path) for path in (name, name.replace('_irfs_', '_rfs_')))
    assert (config.train_dataloader.sampler.method, twin.train_dataloader.sampler.method) == ('irfs', 'rfs')
    twin.train_dataloader.sampler.method = 'irfs'
    assert config.to_dict() == twin.to_dict()


def test_irfs_of_equal_length_draws_as_many_images_as_rfs(data_root, monkeypatch):
    monkeypatch.chdir(data_root)
    lengths = []
    for method in ('irfs-equal-length', 'rfs'):
        loader = Config.fromfile(CONFIGS / f'quickstart/retinanet_r18_{method}_400i_digits.py').train_dataloader
        lengths.append(Runner.build_dataloader(loader, seed=0).sampler.epoch_size)
    assert lengths[0] == lengths[1]


def without_scope(config):
    """A config's plain value without the scope that mmengine notes in what comes from another package's base."""
    if isinstance(config, dict):
        return {key: without_scope(value) for key, value in config.items() if key != '_scope_'}
    return [without_scope(value) for value in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize(('backbone', 'schedule', 'version'), [
    (backbone, *rest) for backbone in ('r50', 'r101', 'x101-64x4d') for rest in (('1x', '1'), ('2x', '0.5'))
])
def test_as_mmdet_has_them(backbone, schedule, version):
    """Equal to mmdet's own LVIS configs but for the sampler and the evaluator; mmdet has 2x for LVIS v0.5 only."""
    folder = Path(mmdet.__file__).parent / '.mim/configs/lvis'
    theirs = Config.fromfile(folder / f'mask-rcnn_{backbone}_fpn_sample1e-3_ms-{schedule}_lvis-v{version}.py')
    ours = Config.fromfile(CONFIGS / f'irfs/mask-rcnn_{backbone}_fpn_irfs_{schedule}_lvis-v1.py')
    for key in ('train_cfg', 'param_scheduler', 'optim_wrapper', 'auto_scale_lr', 'train_pipeline', 'test_pipeline'):
        assert without_scope(ours[key]) == without_scope(theirs[key]), key
    model = without_scope(theirs.model.to_dict())
    for head in (model['roi_head']['bbox_head'], model['roi_head']['mask_head']):
        head['num_classes'] = 1203
    assert without_scope(ours.model.to_dict()) == model
    for key in ('batch_size', 'batch_sampler'):
        assert without_scope(ours.train_dataloader[key]) == without_scope(theirs.train_dataloader[key])


@pytest.mark.parametrize('name', [name for name in SHIPPED if name.startswith('sampling_free/')])
def test_sampling_free_changes_only_what_it_replaces(name):
    """Equal to mmdet's own config of the detector but for losses, samplers, threshold and hooks."""
    detector = Path(name).stem.replace('_sampling-free', '')
    folder = 'pascal_voc' if 'voc' in name else detector.split('_')[0].replace('-', '_')
    theirs = Config.fromfile(Path(mmdet.__file__).parent / f'.mim/configs/{folder}/{detector}.py')
    ours = Config.fromfile(CONFIGS / name)
    assert [hook.type for hook in ours.custom_hooks] == ['OptimalBiasInitHook', 'GuidedLossHook']
    ours, theirs = (without_scope(config.to_dict()) for config in (ours, theirs))
    for config in (ours, theirs):
        config.pop('custom_hooks', None)
        config.pop('custom_imports', None)
        model = config['model']
        model['test_cfg'].get('rcnn', model['test_cfg']).pop('score_thr')
        if 'roi_head' in model:
            model['rpn_head']['loss_bbox'].pop('loss_weight')
            stages = model['train_cfg']['rcnn']
            for part in (model['train_cfg']['rpn'], *(stages if isinstance(stages, list) else [stages])):
                part.pop('sampler')
            heads = model['roi_head']['bbox_head']
            heads = heads if isinstance(heads, list) else [heads]
        else:
            heads = [model['bbox_head']]
            assert model['bbox_head'].pop('loss_cls')['use_sigmoid']
        for head in heads:  # what PositiveMeanLoss or UncertaintyWeighted wrap is the same
            if 'loss' in head.get('loss_bbox', {}):
                assert config is ours
                head['loss_bbox'] = head['loss_bbox']['loss']
    assert ours == theirs


@pytest.mark.parametrize('name', [name for name in SHIPPED if '_equity_' in name])
def test_equity_adds_its_hook_alone(name):
    """Equal to the config without it: mmdet's own, imbdet's with RFS, or the baseline beside it."""
    path = CONFIGS / name
    if 'coco' in name:
        detector = path.stem.replace('_equity', '')
        theirs = Path(mmdet.__file__).parent / f'.mim/configs/{detector.split("_")[0].replace("-4scale", "").replace("-", "_")}'
        path = theirs / f'{detector}.py'
    elif 'lvis' in name:
        path = CONFIGS / 'irfs' / path.name.replace('_equity_', '_rfs_')
    else:
        path = path.with_name(path.name.replace('_equity_', '_baseline_'))
    ours, theirs = (without_scope(Config.fromfile(file).to_dict()) for file in (CONFIGS / name, path))
    hook, = ours.pop('custom_hooks')
    assert hook.pop('type') == 'DatasetEquityHook'
    assert hook.pop('likelihoods').startswith(('data/coco/', 'data/lvis_v1/', 'data/kitti/', 'data/digits_longtail/'))
    # The paper's settings are the defaults; the digits keep what they were measured with.
    assert hook == ({'apply_to': 'cls'} if 'digits' in name else {})
    for config in (ours, theirs):
        config.pop('custom_imports', None)
    assert ours == theirs


@functools.cache
def parsed(name):
    """A config without importing its modules, because mmpretrain may be missing; parsed once, which takes half a second."""
    return Config.fromfile(CONFIGS / name, import_custom_modules=False)


def without_imports(name):
    """A copy of a parsed config."""
    return copy.deepcopy(parsed(name))


@pytest.mark.parametrize('name', [name for name in PAIRED if '_mipa_' not in name and '_combined_' not in name])
def test_twins_of_mipa_differ_by_what_is_trained_on(name):
    """One camera, whole images of both, or the modality head; and nothing else."""
    variant = next(variant for variant in ('rgb', 'ir', 'both', 'mipa-ma') if f'_{variant}_' in name)
    ours, mipa = (without_scope(without_imports(path).to_dict())
                  for path in (name, name.replace(f'_{variant}_', '_mipa_')))
    if variant in ('rgb', 'ir'):
        assert ours['train_dataloader']['dataset'].pop('modality') == variant
        assert mipa['train_dataloader']['dataset'].pop('modality') == 'pair'
    elif variant == 'both':
        chosen = [config['model']['data_preprocessor'] for config in (ours, mipa)]
        assert [(keys.pop('mode', 'patch'), keys.pop('ir_ratio')) for keys in chosen] == [('image', 0.5), ('patch', 'uniform')]
    else:
        ours['model'] = ours['model']['detector']
    assert ours == mipa


@pytest.mark.parametrize('name', [name for name in SHIPPED if '_combined_' in name])
def test_combined_is_mipa_with_what_the_other_methods_add(name):
    """The sampler of the IRFS config, the losses and hooks of the Sampling-Free one, and the hook of the equity one."""
    ours = Config.fromfile(CONFIGS / name)
    folder, stem = CONFIGS / 'quickstart', Path(name).stem
    mipa = Config.fromfile(folder / f'{stem.replace("_combined_", "_mipa-ma_")}.py')
    irfs, sampling_free, equity = (
        Config.fromfile(folder / f'{stem.split("_combined_")[0]}_{method}_400i_digits.py')
        for method in ('irfs', 'sampling-free', 'equity'))
    assert ours.pop('custom_hooks') == [*sampling_free.custom_hooks, {**equity.custom_hooks[0], 'normalize': 'dataset'}]
    mipa.train_dataloader.sampler = irfs.train_dataloader.sampler
    mipa.model.detector.bbox_head.loss_cls = sampling_free.model.bbox_head.loss_cls
    assert without_scope(ours.to_dict()) == without_scope(mipa.to_dict())


@pytest.mark.parametrize('name', [name for name in SHIPPED if name.startswith('mipa/') and '_mipa_' in name])
def test_mipa_changes_only_data_and_backbone(name):
    """Equal to mmdet's own config of the detector but for data, classes, backbone, and the paper's schedule."""
    if name.startswith('mipa/d'):
        folder, file = {'mipa/di': ('dino', 'dino-4scale_r50_8xb2-12e_coco.py'),
                        'mipa/de': ('deformable_detr', 'deformable-detr_r50_16xb2-50e_coco.py')}[name[:7]]
    else:
        folder = name.split('/')[1].split('_')[0].replace('-', '_')
        file = f'{folder.replace("_", "-")}_r50_fpn_1x_coco.py'
    theirs = Config.fromfile(Path(mmdet.__file__).parent / f'.mim/configs/{folder}/{file}')
    ours = without_imports(name)
    assert ours.default_hooks.checkpoint.save_best == 'mean/bbox_mAP'
    preprocessor = ours.model.data_preprocessor
    assert (preprocessor.type, preprocessor.ir_ratio) == ('MiPaDataPreprocessor', 'uniform')
    assert preprocessor.patch_size == (16 if '_r50_' in name else 4)
    assert {key: preprocessor[key] for key in theirs.model.data_preprocessor if key != 'type'} == {
        key: value for key, value in theirs.model.data_preprocessor.items() if key != 'type'}
    models = [without_scope(config.model.to_dict()) for config in (ours, theirs)]
    for model in models:
        del model['data_preprocessor'], model['backbone'], model['neck']['in_channels']
        del model.get('roi_head', model)['bbox_head']['num_classes']
    assert models[0] == models[1]
    assert (ours.train_cfg.type, ours.train_cfg.max_epochs) == ('EpochBasedTrainLoop', 12)
    if 'swin-t-p4' not in name:
        assert ours.optim_wrapper.optimizer.lr == (1e-4 if name.startswith('mipa/d') else theirs.optim_wrapper.optimizer.lr)


def data_sets(loader):
    """The configs of a loader's data sets."""
    return loader.dataset.get('datasets', [loader.dataset])


@pytest.mark.parametrize('name', [name for name in SHIPPED if name.startswith('mipa/') and '_mipa_' in name])
def test_mipa_keeps_the_test_set_for_testing(name):
    """The best checkpoint is chosen on pairs that are held out of the training images."""
    cfg = without_imports(name)
    data = {'llvip': 'LLVIP', 'flir': 'FLIR_aligned', 'kaist': 'KAIST/images'}
    stem, root = next((stem, f'data/{folder}/') for stem, folder in data.items() if name.endswith(f'_{stem}.py'))
    prefixes = {}
    for part, file in (('train', 'train'), ('val', 'valid'), ('test', 'test')):
        sets = data_sets(cfg[f'{part}_dataloader'])
        assert [keys.modality for keys in sets] == (['pair'] if part == 'train' else ['rgb', 'ir'])
        assert {(keys.data_root, keys.ann_file) for keys in sets} == {(root, f'annotations/{stem}_{file}.json')}
        prefixes[part], = {tuple(keys.data_prefix.values()) for keys in sets}
        if part != 'train':
            assert cfg[f'{part}_evaluator'].metric.ann_file == f'{root}annotations/{stem}_{file}.json'
    assert prefixes['val'] == prefixes['train']
    assert (prefixes['test'] == prefixes['train']) is (stem != 'llvip')  # only LLVIP has a folder of test images


@pytest.mark.parametrize(('stem', 'folder', 'old'), [('llvip', 'LLVIP', 'test'), ('flir', 'FLIR_aligned', 'val')])
def test_files_of_an_earlier_converter_are_not_enough(stem, folder, old, tmp_path, monkeypatch):
    """They have no held-out pairs. FLIR's old validation file has the pairs that are for testing."""
    classes = {'llvip': ('person', ), 'flir': ('person', 'car', 'bicycle')}[stem]
    for part in ('train', old):
        write_data_set(tmp_path / f'data/{folder}/annotations/{stem}_{part}.json', tmp_path / 'images', classes, num_boxes=1)
    monkeypatch.chdir(tmp_path)
    cfg = without_imports(f'mipa/retinanet_r50_fpn_mipa_1x_{stem}.py')
    check_config(cfg, ('train_dataloader', ))
    with pytest.raises(FileNotFoundError, match=f'annotation file not found: data/{folder}/annotations/{stem}_valid.json'):
        check_config(cfg, ('train_dataloader', 'val_dataloader'))


@pytest.mark.parametrize('name', [name for name in SHIPPED if name.startswith('mipa/') and '_mipa' in name])
def test_mipa_has_the_settings_of_its_authors(name):
    """Strength of the reversal, size of images and batch, schedule: as in the code of the paper and its ablation of gamma."""
    cfg = without_imports(name)
    stem = name.removesuffix('.py').rsplit('_', 1)[1]
    if '_mipa-ma_' in name:
        assert cfg.model.modality_head.gamma == {'llvip': 0.15, 'flir': 0.05}[stem]
    for part in ('train', 'val', 'test'):
        for keys in data_sets(cfg[f'{part}_dataloader']):
            resize, = [step for step in keys.pipeline if 'Resize' in step.type]
            assert (resize.scale, resize.keep_ratio) == ((1280, 1024) if stem == 'llvip' else (640, 512), True)
    if not name.startswith('mipa/d'):  # of their detectors
        return
    if stem != 'kaist':
        assert cfg.auto_scale_lr.base_batch_size == (8 if 'dino-4scale_swin-t' in name and stem == 'llvip' else 6)
    optimizer = cfg.optim_wrapper
    assert (optimizer.optimizer.type, optimizer.optimizer.lr) == ('AdamW', 1e-4)
    assert optimizer.clip_grad.max_norm == 0.1
    slow = ('backbone', 'sampling_offsets', 'reference_points') if 'deformable' in name else ('backbone', )
    assert {key: keys.lr_mult for key, keys in optimizer.paramwise_cfg.custom_keys.items()
            if 'lr_mult' in keys} == dict.fromkeys(slow, 0.1)
    assert (cfg.train_cfg.max_epochs, [schedule.get('milestones') for schedule in cfg.param_scheduler]) == (12, [[11]])


def test_swin_l_is_mmdet_s():
    """The same backbone as mmdet's five-scale DINO, but for the outputs, which are those of four scales."""
    folder = Path(mmdet.__file__).parent / '.mim/configs/dino'
    theirs = without_scope(Config.fromfile(folder / 'dino-5scale_swin-l_8xb2-12e_coco.py').model.backbone.to_dict())
    defaults = {'mlp_ratio': 4, 'qkv_bias': True, 'qk_scale': None, 'drop_rate': 0.0, 'attn_drop_rate': 0.0, 'patch_norm': True}
    for detector in ('dino-4scale', 'deformable-detr'):
        ours = without_scope(without_imports(f'mipa/{detector}_swin-l_mipa_3xb2-12e_llvip.py').model.backbone.to_dict())
        assert {**defaults, **ours, 'out_indices': (0, 1, 2, 3)} == {**theirs, 'out_indices': (0, 1, 2, 3)}


def test_model_index_lists_every_config():
    root = CONFIGS.parent
    files = yaml.safe_load((root / 'model-index.yml').read_text())['Import']
    listed = [model['Config'] for file in files for model in yaml.safe_load((root / file).read_text())['Models']]
    assert sorted(listed) == [f'configs/{name}' for name in SHIPPED]
