_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py', '../_base_/datasets/lvis_v1_instance.py',
    'mmdet::_base_/schedules/schedule_1x.py', 'mmdet::_base_/default_runtime.py'
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=1203), mask_head=dict(num_classes=1203)),
    # LVIS allows up to 300 detections an image; a higher threshold would drop most of the rare classes' ones.
    test_cfg=dict(rcnn=dict(score_thr=0.0001, max_per_img=300)))
