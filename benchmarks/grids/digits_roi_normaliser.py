"""What the divisor of the RoI head's regression is worth to Sampling-Free Faster R-CNN, on the digits."""

seeds = [0, 1, 2, 3, 4]
runs = dict(
    by_regions=dict(config='benchmarks/grids/faster-rcnn_r18_divided-by-regions_400i_digits.py'),
    by_positives=dict(config='configs/quickstart/faster-rcnn_r18_sampling-free_400i_digits.py'),
    faster_rcnn=dict(config='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py'))
