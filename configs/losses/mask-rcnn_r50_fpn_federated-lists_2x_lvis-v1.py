_base_ = './mask-rcnn_r50_fpn_federated_2x_lvis-v1.py'
# The classes that LVIS lists for each image, in place of draws.
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(negatives='listed'))))
