"""Detectors to calibrate, trained without any method: ``python -m imbdet grid benchmarks/grids/calibration.py --jobs 2``.

Then ``python benchmarks/calibration.py`` calibrates them.
"""

seeds = [0, 1, 2]
configs = dict(
    digits_retinanet='configs/quickstart/retinanet_r18_baseline_400i_digits.py',
    digits_faster_rcnn='configs/quickstart/faster-rcnn_r18_baseline_400i_digits.py',
    voc07_retinanet='benchmarks/configs/retinanet_mobilenetv2_900i_voc07-longtail.py',
    voc07_faster_rcnn='benchmarks/configs/faster-rcnn_mobilenetv2_900i_voc07-longtail.py',
    colored_digits='benchmarks/configs/faster-rcnn_r18_1500i_colored-digits.py',
    hdbpmn_yolox='benchmarks/configs/yolox_nano_600i_hdbpmn.py')
runs = {name: dict(config=config, baseline=name) for name, config in configs.items()}
