"""YOLOX-nano from COCO weights on hand-drawn process diagrams, with its own Mosaic pipeline at 416 pixels.

data/hdbpmn holds what tools/data/hdbpmn2coco.py makes; data/weights/yolox_nano_coco_mmdet.pth the weights.
"""

_base_ = ['mmdet::yolox/yolox_nano_8xb8-300e_coco.py']
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
load_from = 'data/weights/yolox_nano_coco_mmdet.pth'

model = dict(
    data_preprocessor=dict(batch_augments=None),
    bbox_head=dict(num_classes=22),
    test_cfg=dict(score_thr=0.001, max_per_img=300))

data_root = 'data/hdbpmn/'
metainfo = dict(
    classes=('task', 'exclusiveGateway', 'pool', 'endEvent', 'dataObjectReference', 'lane', 'parallelGateway',
             'startEvent_message', 'intermediateCatchEvent_message', 'startEvent', 'intermediateCatchEvent_timer',
             'intermediateThrowEvent_message', 'dataStoreReference', 'endEvent_message', 'textAnnotation',
             'eventBasedGateway', 'subProcess', 'startEvent_timer', 'endEvent_terminate', 'callActivity',
             'intermediateThrowEvent', 'inclusiveGateway'))
img_scale = (416, 416)
train_pipeline = [
    dict(type='Mosaic', img_scale=img_scale, pad_val=114.0),
    dict(type='RandomAffine', scaling_ratio_range=(0.5, 1.5), border=(-img_scale[0] // 2, -img_scale[1] // 2)),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Resize', scale=img_scale, keep_ratio=True),
    dict(type='Pad', pad_to_square=True, pad_val=dict(img=(114.0, 114.0, 114.0))),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type='PackDetInputs')
]
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    sampler=dict(_delete_=True, type='DefaultSampler'),
    dataset=dict(
        pipeline=train_pipeline,
        dataset=dict(data_root=data_root, metainfo=metainfo, ann_file='train.json', data_prefix=dict(img='images/'),
                     filter_cfg=dict(_delete_=True, filter_empty_gt=True))))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, metainfo=metainfo, ann_file='val.json', data_prefix=dict(img='images/')))
test_dataloader = val_dataloader
metric = dict(
    type='LongTailMetric', ann_file=data_root + 'val.json', train_ann_file=data_root + 'train.json', style='coco', metric='bbox',
    rare_max=100, common_max=200)
val_evaluator = [dict(metric, pooled_ap=True), dict(metric, fixed_ap=True)]
test_evaluator = val_evaluator

train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=600, val_interval=600)
optim_wrapper = dict(optimizer=dict(lr=0.005))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-4, by_epoch=False, begin=100, end=600)
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=300, max_keep_ckpts=2))
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
# Without YOLOXModeSwitchHook, which counts epochs: Mosaic until the end.
custom_hooks = [
    dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0001, update_buffers=True, priority=49)
]
