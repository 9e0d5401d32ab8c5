_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(bbox_head=dict(type='CosineHead', head='RetinaHead', temperature=20.0))
