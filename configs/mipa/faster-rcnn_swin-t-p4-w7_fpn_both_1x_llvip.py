_base_ = './faster-rcnn_swin-t-p4-w7_fpn_mipa_1x_llvip.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
