_base_ = '../irfs/yolox_s_rfs_8xb8-300e_lvis-v1.py'
# The quality form: the head's targets are scores. The authors' YOLOX has a scale of 4.
model = dict(
    bbox_head=dict(
        loss_cls=dict(_delete_=True, type='EqualizedFocalLoss', use_sigmoid=True, scale_factor=4.0, reduction='sum')))
