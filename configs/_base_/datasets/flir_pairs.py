# FLIR_aligned: street scenes, pairs of visible and infrared images. Annotations by tools/data/flir2coco.py.
# The names begin with flir_, so that this file can stand beside a detector's whole config as a second base.
flir_root = 'data/FLIR_aligned/'
flir_metainfo = dict(classes=('person', 'car', 'bicycle'))
flir_meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor',
                  'flip', 'flip_direction', 'modality')

# Images are 640 x 512 and keep their size, as in the code of MiPa.
flir_train_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs', meta_keys=flir_meta_keys)
]
flir_test_pipeline = [
    dict(type='LoadImagePair'),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=flir_meta_keys)
]
flir_train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='PairedCocoDataset',
        modality='pair',
        data_root=flir_root,
        metainfo=flir_metainfo,
        ann_file='annotations/flir_train.json',
        data_prefix=dict(img='JPEGImages/', ir='JPEGImages/'),
        ir_replace=('_RGB.jpg', '_PreviewData.jpeg'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=flir_train_pipeline))
# A tenth of align_train.txt is held out for validation: the test set chooses no checkpoint. Each image by each camera.
# flir_val.json of the converter before it held out a tenth had the pairs of flir_test.json.
flir_val_dataset = dict(
    type='PairedCocoDataset',
    data_root=flir_root,
    metainfo=flir_metainfo,
    ann_file='annotations/flir_valid.json',
    data_prefix=dict(img='JPEGImages/', ir='JPEGImages/'),
    ir_replace=('_RGB.jpg', '_PreviewData.jpeg'),
    test_mode=True,
    pipeline=flir_test_pipeline)
flir_val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **flir_val_dataset), dict(modality='ir', **flir_val_dataset)]))
flir_val_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=flir_root + 'annotations/flir_valid.json', metric='bbox'))
flir_test_dataset = {**flir_val_dataset, 'ann_file': 'annotations/flir_test.json'}
flir_test_dataloader = {
    **flir_val_dataloader, 'dataset':
    dict(
        type='ConcatDataset',
        datasets=[dict(modality='rgb', **flir_test_dataset), dict(modality='ir', **flir_test_dataset)])
}
flir_test_evaluator = dict(
    type='ModalityMetric',
    metric=dict(type='CocoMetric', ann_file=flir_root + 'annotations/flir_test.json', metric='bbox'))
