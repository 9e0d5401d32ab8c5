# KAIST: pedestrians from a car by day and night, pairs of visible and infrared images. Annotations by
# tools/data/kaist2coco.py.
# The names begin with kaist_, so that this file can stand beside a detector's whole config as a second base.
kaist_root = 'data/KAIST/images/'
kaist_metainfo = dict(classes=('person', ))
kaist_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor',
                  'flip', 'flip_direction', 'modality')

# Images are 640 x 512 and keep their size, as in the code of MiPa.
kaist_train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs', meta_keys=kaist_meta_keys)
]
kaist_test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=kaist_meta_keys)
]
kaist_train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='PairedCocoDataset',
        modality='pair',
        data_root=kaist_root,
        metainfo=kaist_metainfo,
        ann_file='annotations/kaist_train.json',
        data_prefix=dict(img='', ir=''),
        ir_replace=('/visible/', '/lwir/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=kaist_train_pipeline))
# A tenth of the training pairs is held out for validation: the test set chooses no checkpoint. Each image by each camera.
kaist_val_dataset = dict(
    type='PairedCocoDataset',
    data_root=kaist_root,
    metainfo=kaist_metainfo,
    ann_file='annotations/kaist_valid.json',
    data_prefix=dict(img='', ir=''),
    ir_replace=('/visible/', '/lwir/'),
    test_mode=True,
    pipeline=kaist_test_pipeline)
kaist_val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **kaist_val_dataset), dict(modality='ir', **kaist_val_dataset)]))
kaist_val_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=kaist_root + 'annotations/kaist_valid.json', metric='bbox'))
kaist_test_dataset = {**kaist_val_dataset, 'ann_file': 'annotations/kaist_test.json'}
kaist_test_dataloader = {
    **kaist_val_dataloader, 'dataset':
    dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **kaist_test_dataset), dict(modality='ir', **kaist_test_dataset)])
}
kaist_test_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=kaist_root + 'annotations/kaist_test.json', metric='bbox'))
