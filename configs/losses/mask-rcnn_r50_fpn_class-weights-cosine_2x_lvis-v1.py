_base_ = './mask-rcnn_r50_fpn_cosine_2x_lvis-v1.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(loss_cls=dict(_delete_=True, type='ClassWeighted', loss=dict(type='CrossEntropyLoss')))))
