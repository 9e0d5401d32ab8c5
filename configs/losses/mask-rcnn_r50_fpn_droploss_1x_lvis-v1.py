_base_ = './mask-rcnn_r50_fpn_eql_1x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(drop_background=True))))
