_base_ = './mask-rcnn_r50_fpn_cosine_2x_lvis-v1.py'
# As mmdet's mask-rcnn_r50_fpn_seesaw-loss-normed-mask_sample1e-3-ms-2x_lvis-v1, with counts of all ranks.
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='SynchronizedSeesawLoss'))))
