_base_ = './mask-rcnn_r50_fpn_cosine_2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(reg_predictor_cfg=dict(type='SharedBoxLinear', alpha=0.5))))
