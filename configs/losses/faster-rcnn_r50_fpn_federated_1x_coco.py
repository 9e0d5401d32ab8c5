_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['imbdet'], allow_failed_imports=False)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_cls=dict(
                _delete_=True, type='FederatedLoss', loss=dict(type='CrossEntropyLoss', use_sigmoid=True), num_kept=20))))
custom_hooks = [dict(type='OptimalBiasInitHook', prior={'roi_head.bbox_head': 0.01})]
