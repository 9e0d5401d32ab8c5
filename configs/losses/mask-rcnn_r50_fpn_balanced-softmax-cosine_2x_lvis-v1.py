_base_ = './mask-rcnn_r50_fpn_cosine_2x_lvis-v1.py'
# The authors train the classifier of a trained detector with it; here it trains the whole detector.
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='BalancedSoftmaxLoss'))))
