_base_ = './faster-rcnn_r50_fpn_mipa_1x_flir.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
