_base_ = [
    '../_base_/models/retinanet_r18_digits.py', '../_base_/datasets/digits_pairs.py',
    '../_base_/schedules/schedule_1200i.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    data_preprocessor=dict(
        type='MiPaDataPreprocessor',
        # Four patches an image, each larger than the digits: a ResNet looks across the borders of small ones, and tests show
        # it whole objects.
        patch_size=80,
        ir_ratio='uniform',
        # Of the training images. Infrared has a fifth of the visible contrast, which would drown it in mixed images.
        mean=[101.9, 96.8, 89.8],
        std=[58.7, 54.5, 55.4],
        ir_mean=[98.5, 98.5, 98.5],
        ir_std=[12.9, 12.9, 12.9]))
