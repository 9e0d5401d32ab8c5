_base_ = './retinanet_swin_mipa_1200i_digits-pairs.py'
# Trained on infrared images alone.
train_dataloader = dict(dataset=dict(modality='ir'))
