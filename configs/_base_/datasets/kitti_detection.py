# KITTI's 2D object benchmark, after tools/data/kitti2coco.py data/kitti. Boxes that KITTI's evaluation ignores are crowd
# boxes: LongTailMetric leaves them out, but mmdet trains on them as background unless the detector's assigner has an
# ignore_iof_thr above 0.
dataset_type = 'CocoDataset'
data_root = 'data/kitti/'
metainfo = dict(classes=('Car', 'Pedestrian', 'Cyclist'))

# Most images have 1242 x 375 pixels, which this scale brings close to multiples of 32, so that little is padded.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(1280, 384), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1280, 384), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/kitti_train.json',
        data_prefix=dict(img='training/image_2/'),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/kitti_val.json',
        data_prefix=dict(img='training/image_2/'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

# By LVIS's limits a class is frequent above 100 training images. Where that makes all classes frequent, APr and APc are -1;
# rare_max and common_max set other limits.
val_evaluator = dict(
    type='LongTailMetric',
    ann_file=data_root + 'annotations/kitti_val.json',
    train_ann_file=data_root + 'annotations/kitti_train.json',
    style='coco',
    metric='bbox')
test_evaluator = val_evaluator
