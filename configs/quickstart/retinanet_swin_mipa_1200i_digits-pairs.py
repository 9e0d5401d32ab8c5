_base_ = './retinanet_r18_mipa_1200i_digits-pairs.py'
# A small Swin in place of the ResNet: its patch embedding does not overlap, and layer normalisation does not depend on the
# share of each camera in a batch.
model = dict(
    data_preprocessor=dict(patch_size=4),
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=32,
        depths=(2, 2, 2, 2),
        num_heads=(2, 4, 8, 16),
        # An image of 160 x 160 pixels has 40 x 40 tokens.
        window_size=5,
        drop_path_rate=0.0,
        out_indices=(1, 2, 3)),
    neck=dict(in_channels=[64, 128, 256], start_level=0))
