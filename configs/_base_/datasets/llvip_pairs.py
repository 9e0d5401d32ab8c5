# LLVIP: pedestrians at night, pairs of visible and infrared images. Annotations by tools/data/llvip2coco.py.
# The names begin with llvip_, so that this file can stand beside a detector's whole config as a second base.
llvip_root = 'data/LLVIP/'
llvip_metainfo = dict(classes=('person', ))
llvip_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor',
                   'flip', 'flip_direction', 'modality')

# Images are 1280 x 1024 and keep their size, as in the code of MiPa.
llvip_train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(1280, 1024), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs', meta_keys=llvip_meta_keys)
]
llvip_test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='Resize', scale=(1280, 1024), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=llvip_meta_keys)
]
llvip_train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='PairedCocoDataset',
        modality='pair',
        data_root=llvip_root,
        metainfo=llvip_metainfo,
        ann_file='annotations/llvip_train.json',
        data_prefix=dict(img='visible/train/', ir='infrared/train/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=llvip_train_pipeline))
# A tenth of the training pairs is held out for validation: the test set chooses no checkpoint. Each image by each camera.
llvip_val_dataset = dict(
    type='PairedCocoDataset',
    data_root=llvip_root,
    metainfo=llvip_metainfo,
    ann_file='annotations/llvip_valid.json',
    data_prefix=dict(img='visible/train/', ir='infrared/train/'),
    test_mode=True,
    pipeline=llvip_test_pipeline)
llvip_val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **llvip_val_dataset), dict(modality='ir', **llvip_val_dataset)]))
llvip_val_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=llvip_root + 'annotations/llvip_valid.json', metric='bbox'))
llvip_test_files = dict(ann_file='annotations/llvip_test.json', data_prefix=dict(img='visible/test/', ir='infrared/test/'))
llvip_test_dataset = {**llvip_val_dataset, **llvip_test_files}
llvip_test_dataloader = {
    **llvip_val_dataloader, 'dataset':
    dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **llvip_test_dataset), dict(modality='ir', **llvip_test_dataset)])
}
llvip_test_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=llvip_root + 'annotations/llvip_test.json', metric='bbox'))
