"""Faster R-CNN from scratch on 200 classes of colored digits, which benchmarks/data/colored_digits.py makes.

An image has 6 digits on average, and at most 10 detections of the 200 classes, so that classes compete for places.
"""

_base_ = '../../configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py'
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=200, reg_class_agnostic=True)),
    test_cfg=dict(rpn=dict(max_per_img=128), rcnn=dict(score_thr=0.0001, max_per_img=10)))

data_root = 'data/colored_digits/'
metainfo = dict(classes=[f'{digit}_{hue}{shade}' for digit in range(10) for hue in range(10) for shade in ('light', 'dark')])
images = dict(data_root=data_root, metainfo=metainfo, data_prefix=dict(img='images/'))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(images, ann_file='train.json'))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(images, ann_file='val.json'))
test_dataloader = val_dataloader
metric = dict(
    _delete_=True, type='LongTailMetric', ann_file=data_root + 'val.json', train_ann_file=data_root + 'train.json', style='coco',
    metric='bbox')
val_evaluator = metric
test_evaluator = val_evaluator

train_cfg = dict(max_iters=1500, val_interval=1500)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=100, end=1500)
]
default_hooks = dict(checkpoint=dict(interval=750))
