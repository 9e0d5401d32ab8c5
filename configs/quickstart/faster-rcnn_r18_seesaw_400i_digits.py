_base_ = './faster-rcnn_r18_baseline_400i_digits.py'
# mmdet's Seesaw loss, as its LVIS configs have it: a peer that leaves the sampling as it is.
model = dict(
    roi_head=dict(
        bbox_head=dict(
            cls_predictor_cfg=dict(type='NormedLinear'),
            loss_cls=dict(_delete_=True, type='SeesawLoss', p=0.8, q=2.0, num_classes=20, loss_weight=1.0))))
