# The embedded sample data set, made by tools/data/make_digits_longtail.py. It is in LVIS format; CocoDataset reads that
# too, and takes its classes from here, which LVISV1Dataset would not.
dataset_type = 'CocoDataset'
data_root = 'data/digits_longtail/'
metainfo = dict(
    classes=('light_0', 'light_1', 'light_2', 'light_3', 'light_4', 'light_5', 'light_6', 'light_7', 'light_8',
             'light_9', 'dark_0', 'dark_1', 'dark_2', 'dark_3', 'dark_4', 'dark_5', 'dark_6', 'dark_7', 'dark_8',
             'dark_9'))

# No flips: a mirrored digit is another sign.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(160, 160), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(160, 160), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/digits_longtail_train.json',
        data_prefix=dict(img='visible/'),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/digits_longtail_val.json',
        data_prefix=dict(img='visible/'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='LongTailMetric', ann_file=data_root + 'annotations/digits_longtail_val.json', style='lvis', metric='bbox')
test_evaluator = val_evaluator
