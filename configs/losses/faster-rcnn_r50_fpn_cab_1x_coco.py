_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(roi_head=dict(bbox_head=dict(reg_predictor_cfg=dict(type='SharedBoxLinear', alpha=0.5))))
