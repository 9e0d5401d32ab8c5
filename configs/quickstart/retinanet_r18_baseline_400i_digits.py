_base_ = [
    '../_base_/models/retinanet_r18_digits.py', '../_base_/datasets/digits_longtail.py',
    '../_base_/schedules/schedule_400i.py'
]
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
