"""Peers that need a box head with a softmax: Seesaw loss against Faster R-CNN on the long-tailed digits."""

seeds = [0, 1, 2, 3, 4]
runs = dict(
    faster_rcnn=dict(config='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py'),
    irfs=dict(
        config='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py',
        cfg_options={'train_dataloader.sampler.type': 'RepeatFactorSampler', 'train_dataloader.sampler.threshold': 0.1}),
    normed_linear=dict(  # Seesaw's classification layer without its loss
        config='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py',
        cfg_options={'model.roi_head.bbox_head.cls_predictor_cfg.type': 'NormedLinear'}),
    seesaw=dict(config='configs/quickstart/faster-rcnn_r18_seesaw_400i_digits.py'),
    sampling_free=dict(config='configs/quickstart/faster-rcnn_r18_sampling-free_400i_digits.py'),
    sampling_free_by_regions=dict(config='benchmarks/grids/faster-rcnn_r18_divided-by-regions_400i_digits.py'))
