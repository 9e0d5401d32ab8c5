_base_ = '../irfs/mask-rcnn_r50_fpn_rfs_2x_lvis-v1.py'
# The authors' bias of -2 is a score of 6.2e-4 under the Gumbel activation.
model = dict(
    roi_head=dict(
        bbox_head=dict(loss_cls=dict(_delete_=True, type='GumbelLoss')),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d', tempearture=20))))
custom_hooks = [dict(type='OptimalBiasInitHook', prior={'roi_head.bbox_head': 6.2e-4})]
