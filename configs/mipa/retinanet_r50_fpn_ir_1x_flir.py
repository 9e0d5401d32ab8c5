_base_ = './retinanet_r50_fpn_mipa_1x_flir.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
