_base_ = './faster-rcnn_swin-t-p4-w7_fpn_mipa_1x_flir.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
