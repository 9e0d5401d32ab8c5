# Backbones of MiPa's authors, with the outputs of strides 8, 16 and 32. Their patch embeddings are convolutions of 4 x 4
# pixels without overlap, so that mixing pixels equals mixing tokens.
swin_weights = 'https://github.com/SwinTransformer/storage/releases/download/v1.0.0/'
swin_t = dict(
    type='SwinTransformer',
    embed_dims=96,
    depths=[2, 2, 6, 2],
    num_heads=[3, 6, 12, 24],
    window_size=7,
    drop_path_rate=0.2,
    out_indices=(1, 2, 3),
    convert_weights=True,
    init_cfg=dict(type='Pretrained', checkpoint=swin_weights + 'swin_tiny_patch4_window7_224.pth'))
swin_t_channels = [192, 384, 768]
swin_l = dict(
    type='SwinTransformer',
    pretrain_img_size=384,
    embed_dims=192,
    depths=[2, 2, 18, 2],
    num_heads=[6, 12, 24, 48],
    window_size=12,
    drop_path_rate=0.2,
    out_indices=(1, 2, 3),
    with_cp=True,
    convert_weights=True,
    init_cfg=dict(type='Pretrained', checkpoint=swin_weights + 'swin_large_patch4_window12_384_22k.pth'))
swin_l_channels = [384, 768, 1536]
# mmdet has no ConvNeXt: `pip install mmpretrain`, and 'mmpretrain.models' in custom_imports.
convnext_xl = dict(
    type='mmpretrain.ConvNeXt',
    arch='xlarge',
    out_indices=(1, 2, 3),
    gap_before_final_norm=False,
    init_cfg=dict(
        type='Pretrained',
        checkpoint='https://download.openmmlab.com/mmclassification/v0/convnext/'
        'convnext-xlarge_3rdparty_in21k_20220124-f909bad7.pth',
        prefix='backbone.'))
convnext_xl_channels = [512, 1024, 2048]
