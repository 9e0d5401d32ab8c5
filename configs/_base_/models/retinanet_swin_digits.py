# The same detector on a small Swin: its patch embedding does not overlap, and it has layer normalisation, so that nothing
# depends on the share of each camera in a batch.
_base_ = './retinanet_r18_digits.py'
model = dict(
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
