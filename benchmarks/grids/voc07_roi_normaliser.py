"""What the divisor of the RoI head's regression is worth to Sampling-Free Faster R-CNN, on real images."""

seeds = [0, 1, 2]
config = 'benchmarks/grids/faster-rcnn_mobilenetv2_'
runs = dict(
    faster_rcnn=dict(config=config + '1000i_voc07-longtail.py'),
    by_regions=dict(config=config + 'divided-by-regions_1000i_voc07-longtail.py'),
    by_positives=dict(config=config + 'sampling-free_1000i_voc07-longtail.py'))
