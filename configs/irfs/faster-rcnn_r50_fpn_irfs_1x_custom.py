# Your own data in COCO format. Set the folder, the file names and the classes; everything else is mmdet's.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)

data_root = 'data/my_dataset/'
train_ann_file = 'annotations/train.json'
val_ann_file = 'annotations/val.json'
# All classes, in the order of the files' categories.
metainfo = dict(classes=('cat', 'dog', 'axolotl'))

model = dict(
    roi_head=dict(bbox_head=dict(num_classes=len(metainfo['classes']))),
    # mmdet's 0.05 hides rare classes, whose scores stay low.
    test_cfg=dict(rcnn=dict(score_thr=0.001, max_per_img=300)))

train_dataloader = dict(
    # RFS in one line: method='rfs'. How to choose the threshold is in this folder's README.
    sampler=dict(_delete_=True, type='RepeatFactorSampler', method='irfs', threshold=1e-2),
    dataset=dict(
        data_root=data_root, metainfo=metainfo, ann_file=train_ann_file, data_prefix=dict(img='images/')))
val_dataloader = dict(
    dataset=dict(data_root=data_root, metainfo=metainfo, ann_file=val_ann_file, data_prefix=dict(img='images/')))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='LongTailMetric',
    ann_file=data_root + val_ann_file,
    # Rare: at most 10 training images, common: at most 100; see rare_max and common_max.
    train_ann_file=data_root + train_ann_file,
    style='coco')
test_evaluator = val_evaluator
