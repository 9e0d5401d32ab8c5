_base_ = './retinanet_swin_mipa_1200i_digits-pairs.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
