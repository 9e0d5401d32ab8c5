_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_2x_lvis-v1.py'
# What papers compare losses on: RFS, two schedules, a cosine classifier and mmdet's normalized mask predictor.
model = dict(
    roi_head=dict(
        bbox_head=dict(cls_predictor_cfg=dict(type='CosineLinear', temperature=20.0)),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d', tempearture=20))))
