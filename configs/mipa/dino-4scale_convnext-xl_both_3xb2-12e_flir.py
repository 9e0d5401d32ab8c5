_base_ = './dino-4scale_convnext-xl_mipa_3xb2-12e_flir.py'
# Trained on whole images of both cameras.
model = dict(data_preprocessor=dict(mode='image', ir_ratio=0.5))
