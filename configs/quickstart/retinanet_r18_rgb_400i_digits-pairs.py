_base_ = './retinanet_r18_mipa_400i_digits-pairs.py'
# Trained on visible images alone.
train_dataloader = dict(dataset=dict(modality='rgb'))
