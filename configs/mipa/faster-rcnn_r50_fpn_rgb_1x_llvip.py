_base_ = './faster-rcnn_r50_fpn_mipa_1x_llvip.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
