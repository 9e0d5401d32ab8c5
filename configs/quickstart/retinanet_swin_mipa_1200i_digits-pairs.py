_base_ = [
    '../_base_/models/retinanet_swin_digits.py', '../_base_/datasets/digits_pairs.py',
    '../_base_/schedules/schedule_1200i.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(data_preprocessor=dict(type='MiPaDataPreprocessor', patch_size=4, ir_ratio='uniform'))
