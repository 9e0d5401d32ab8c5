"""Names of losses as mmdet's detectors give them, paired by hand."""

import pytest

from imbdet.heads import match_pairs, unpaired

RPN = ('loss_rpn_cls', 'loss_rpn_bbox')
NAMES = {  # with the pairs, and the classification losses without any
    'RetinaNet': (('loss_cls', 'loss_bbox'), {'loss_cls': ('loss_bbox',)}, []),
    'Faster R-CNN': ((*RPN, 'loss_cls', 'acc', 'loss_bbox'),
                     {'loss_rpn_cls': ('loss_rpn_bbox',), 'loss_cls': ('loss_bbox',)}, []),
    'Cascade R-CNN': (('s0.loss_cls', 's0.loss_bbox', 's1.loss_cls', 's1.loss_bbox'),
                      {'s0.loss_cls': ('s0.loss_bbox',), 's1.loss_cls': ('s1.loss_bbox',)}, []),
    'Cascade RPN': (('s0.loss_rpn_reg', 's1.loss_rpn_cls', 's1.loss_rpn_reg', 'loss_cls', 'loss_bbox'),
                    {'s1.loss_rpn_cls': ('s1.loss_rpn_reg',), 'loss_cls': ('loss_bbox',)}, []),
    'SABL': ((*RPN, 'loss_cls', 'loss_bbox_cls', 'loss_bbox_reg'),
             {'loss_rpn_cls': ('loss_rpn_bbox',), 'loss_cls': ('loss_bbox_cls', 'loss_bbox_reg')}, []),
    'RepPoints': (('loss_cls', 'loss_pts_init', 'loss_pts_refine'), {'loss_cls': ('loss_pts_init', 'loss_pts_refine')}, []),
    'two-stage Deformable DETR': (('loss_cls', 'loss_bbox', 'loss_iou', 'd0.loss_cls', 'd0.loss_bbox', 'enc_loss_cls',
                                   'enc_loss_bbox'),
                                  {'loss_cls': ('loss_bbox',), 'd0.loss_cls': ('d0.loss_bbox',),
                                   'enc_loss_cls': ('enc_loss_bbox',)}, []),
    'SoftTeacher': (('sup_loss_rpn_cls', 'sup_loss_rpn_bbox', 'unsup_loss_cls', 'unsup_loss_bbox'),
                    {'sup_loss_rpn_cls': ('sup_loss_rpn_bbox',), 'unsup_loss_cls': ('unsup_loss_bbox',)}, []),
    'YOLOX': (('loss_cls', 'loss_bbox', 'loss_obj'), {'loss_obj': ('loss_bbox',)}, []),
    'YOLOv3': (('loss_cls', 'loss_conf', 'loss_xy', 'loss_wh'), {'loss_conf': ('loss_xy', 'loss_wh')}, []),
    'CrowdDet': ((*RPN, 'loss_rcnn_emd'), {'loss_rpn_cls': ('loss_rpn_bbox',)}, ['loss_rcnn_emd']),
    'Seesaw': ((*RPN, 'loss_cls_objectness', 'loss_cls_classes', 'loss_bbox'), {'loss_rpn_cls': ('loss_rpn_bbox',)},
               ['loss_cls_objectness', 'loss_cls_classes']),
    'Grid R-CNN': ((*RPN, 'loss_cls', 'loss_grid'), {'loss_rpn_cls': ('loss_rpn_bbox',)}, ['loss_cls']),
    'SOLO': (('loss_mask', 'loss_cls'), {}, ['loss_cls']),
    'CenterNet': (('loss_center_heatmap', 'loss_wh', 'loss_offset'), {}, ['loss_center_heatmap']),
    'CornerNet': (('det_loss', 'off_loss', 'pull_loss', 'push_loss'), {}, ['det_loss']),
    'FreeAnchor': (('positive_bag_loss', 'negative_bag_loss'), {}, ['positive_bag_loss', 'negative_bag_loss']),
    'AutoAssign': (('loss_pos', 'loss_neg', 'loss_center'), {}, ['loss_pos', 'loss_neg']),
}


@pytest.mark.parametrize('name', NAMES)
def test_pairs(name):
    names, pairs, left = NAMES[name]
    assert match_pairs(names) == pairs
    assert match_pairs(names[::-1]) == pairs  # the order of the losses does not matter
    assert unpaired(names, pairs) == left
