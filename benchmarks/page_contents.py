"""What the tables and pictures of pages show: the texts of runs and the headings of metrics."""

from collections.abc import Iterable

from page_pictures import ClassPicture, GainMap
from page_tables import ClassTable, RunTable, SideBySide, Table


def aps(prefix: str, *names: str, after: str = '') -> dict[str, str]:
    """Return headings by metric: APs with this prefix, with ``after`` added to each."""
    return {f'{prefix}/bbox_{name}': name + after for name in names}


MINUS = ' minus baseline (95 % interval)'
BY_SEED = ' minus baseline, by seed'
GROUPS = 'AP', 'APr', 'APc', 'APf'
BOTH = aps('lvis', 'AP', 'APr'), aps('lvis', 'AP', 'APr', after=MINUS)
ALL_APS = aps('coco', *GROUPS) | aps('coco_fixed', 'AP', 'APr', after='^fixed') | {'coco/bbox_AP_pool': 'AP^pool'}
FOUR = aps('lvis', *GROUPS), BOTH[1]

EACH_IMAGE_ONCE = 'baseline: focal loss, every image once'
EQUITY = "DatasetEquity, `apply_to='cls'`"
FEWER_BOXES = 'baseline, 500 iterations: the same number of boxes as ClassAwareSampler shows in 400'
BY_REGIONS = 'Sampling-Free, RoI regression divided by all regions (before)'
BY_POSITIVES = 'Sampling-Free, divided by positives (as in the configs)'
SAME_LENGTH = 'epoch as long as that of RFS'
REPEATING = {'rfs': 'RFS, t = 0.1', 'irfs': 'IRFS, t = 0.1'}

VOC = {
    'plain': 'baseline: every image once',
    'plain_equal_boxes': 'baseline, 964 iterations: as many boxes as class-aware draws show',
    **REPEATING,
    'irfs_equal_length': f'IRFS, t = 0.0774: {SAME_LENGTH}',
    'e_irfs': 'E-IRFS, t = 0.01',
    'irfs_balanced': 'IRFS, t = 1, power 1: classes as balanced as images allow',
    'class_aware': "RepeatFactorSampler, class-aware: `method='class-aware'`",
    'mmdet_class_aware': "mmdet's ClassAwareSampler",
    'sampling_free': 'Sampling-Free',
    'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free',
    'equity': 'DatasetEquity'
}
VOC_SHORT = {name: text.partition(':')[0] for name, text in VOC.items()}
SAMPLERS = 'rfs', 'irfs', 'irfs_equal_length', 'e_irfs', 'irfs_balanced', 'class_aware', 'mmdet_class_aware'
CLASS_AWARE = 'irfs', 'irfs_balanced', 'class_aware'
SUMMARY = 'plain', 'rfs', 'irfs', 'class_aware', 'mmdet_class_aware', 'sampling_free', 'irfs_sampling_free', 'equity'
BY_CLASS = 'plain', 'irfs', 'class_aware'
HDBPMN = {name: VOC[name] for name in ('plain', 'irfs', 'irfs_balanced', 'class_aware')}
CALIBRATIONS = {
    'none': 'no calibration',
    'norcal': 'NorCal, tau 0.6',
    'logit_adjustment': 'logit adjustment, tau 1',
    'fracal': 'FRACAL, base 10',
    'fracal_base2': 'FRACAL, base 2',
    'logn': 'LogN',
    'chosen': 'NorCal, chosen by AP',
    'chosen_by_pool': 'NorCal, chosen by AP^pool',
    'probabilities': 'scores as probabilities: a slope, and a shift of each class',
    'isotonic': 'the same by isotonic regression of each class'
}
CALIBRATED = {
    'colored_digits': 'Faster R-CNN, 200 classes of digits',
    'digits_faster_rcnn': 'Faster R-CNN, 20 classes of digits',
    'voc07_faster_rcnn': 'Faster R-CNN, VOC 2007',
    'digits_retinanet': 'RetinaNet, 20 classes of digits',
    'voc07_retinanet': 'RetinaNet, VOC 2007',
    'hdbpmn_yolox': 'YOLOX-nano, hdBPMN'
}
DETECTORS = {'retinanet': 'RetinaNet', 'faster_rcnn': 'Faster R-CNN'}


def of(detector: str, methods: Iterable[str], texts: dict[str, str] = VOC_SHORT, after: str = '') -> dict[str, str]:
    """Return the texts of methods by the names of a detector's runs, which end in ``after``."""
    return {f'{detector}_{name}{after}': texts[name] for name in methods}


TABLES: dict[str, Table] = {
    'digits_summary': RunTable(
        'digits', 'RetinaNet on [the long-tailed digits](configs/quickstart/README.md), 400 iterations', {
            'baseline': 'baseline: focal loss', **REPEATING, 'irfs_strong': 'IRFS, t = 1', 'sampling_free': 'Sampling-Free',
            'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free', 'equity': 'DatasetEquity, classification loss only',
            'class_aware': "mmdet's ClassAwareSampler"
        }, {'lvis/bbox_AP': 'AP', 'lvis/bbox_APr': 'APr (rare classes)'}),
    'digits': RunTable(
        'digits', 'training', {
            'baseline': EACH_IMAGE_ONCE, **REPEATING, 'irfs_strong': 'IRFS, t = 1',
            'irfs_equal_length': f'IRFS, t = 0.0575: {SAME_LENGTH}', 'e_irfs': 'E-IRFS, t = 0.01',
            'baseline_500i': FEWER_BOXES, 'class_aware': "mmdet's ClassAwareSampler", 'plain_ce': 'plain cross entropy',
            'sampling_free': 'Sampling-Free', 'irfs_sampling_free': 'IRFS, t = 0.1, and Sampling-Free', 'equity': EQUITY
        }, FOUR[0], differences=FOUR[1]),
    'digits_long': RunTable(
        'digits_long', 'training', {'baseline': EACH_IMAGE_ONCE, **REPEATING}, FOUR[0], differences=FOUR[1],
        by_seed=aps('lvis', 'AP', 'APr', after=BY_SEED)),
    'digits_faster_rcnn': RunTable(
        'digits_faster_rcnn', 'training', {
            'faster_rcnn': "baseline: mmdet's samplers, cross entropy", 'irfs': 'IRFS, t = 0.1',
            'sampling_free': 'Sampling-Free', 'sampling_free_by_regions': BY_REGIONS,
            'normed_linear': "mmdet's NormedLinear, cross entropy", 'seesaw': "mmdet's Seesaw loss, with its NormedLinear"
        }, FOUR[0], differences=FOUR[1]),
    'digits_sampling': RunTable(
        'digits', 'sampling', {
            'rfs': 'RFS', 'irfs': 'IRFS', 'e_irfs': 'E-IRFS', 'irfs_equal_length': "IRFS at RFS's epoch length"
        }, differences=aps('lvis', 'APr', after=MINUS)),
    'digits_irfs_minus_rfs': RunTable(
        'digits', 'sampling', {'irfs': 'IRFS', 'irfs_equal_length': "IRFS at RFS's epoch length"},
        differences=aps('lvis', 'APr', after=' minus RFS (95 % interval)'), baseline='rfs'),
    'digits_sampling_free_retinanet': RunTable(
        'digits', 'RetinaNet', {
            'baseline': 'focal loss', 'plain_ce': 'plain cross entropy', 'sampling_free': 'Sampling-Free',
            'irfs_sampling_free': 'Sampling-Free and IRFS, t = 0.1'
        }, BOTH[0], differences=BOTH[1]),
    'digits_sampling_free_faster_rcnn': RunTable(
        'digits_faster_rcnn', 'Faster R-CNN', {
            'faster_rcnn': "mmdet's samplers", 'sampling_free_by_regions': BY_REGIONS, 'sampling_free': BY_POSITIVES
        }, BOTH[0], differences=BOTH[1]),
    'digits_divisor': RunTable(
        'digits_faster_rcnn', 'Faster R-CNN', {'sampling_free': 'divided by positives'},
        differences=aps('lvis', 'AP', 'APr', after=' minus divided by all regions (95 % interval)'),
        baseline='sampling_free_by_regions'),
    'digits_equity': RunTable(
        'digits', 'training', {'baseline': 'baseline', 'equity': EQUITY}, aps('lvis', 'AP'),
        differences=aps('lvis', 'AP', after=MINUS)),
    'rbc12': RunTable(
        'rbc12', 'training', {'baseline': 'baseline: every image once', 'rfs': 'RFS, t = 0.1', 'irfs': 'IRFS, t = 0.04'},
        aps('coco', *GROUPS), differences=aps('coco', 'APr', after=MINUS), by_seed=aps('coco', 'APr', after=BY_SEED)),
    'rbc12_classes': ClassTable(
        'rbc12', 'AP of rare classes', {'baseline': 'baseline', 'rfs': 'RFS', 'irfs': 'IRFS'}, 'r'),
    'voc07_roi_normaliser': RunTable(
        'voc07_roi_normaliser', 'training', {
            'faster_rcnn': "mmdet's samplers", 'by_regions': BY_REGIONS, 'by_positives': BY_POSITIVES
        }, aps('coco', 'AP', 'AP50', 'APr', 'APc', 'APf'), differences=aps('coco', 'AP', after=MINUS))
}
for detector, title in DETECTORS.items():
    TABLES[f'voc07_{detector}'] = RunTable(
        'voc07', title, of(detector, VOC, VOC), ALL_APS, boxes=True,
        differences=aps('coco', 'APr', 'APf', after=MINUS))
    TABLES[f'voc07_{detector}_equal_boxes'] = RunTable(
        'voc07', title, of(detector, SAMPLERS), boxes=True,
        differences=aps('coco', 'AP', 'APr', 'APf', after=' minus baseline with 964 iterations (95 % interval)'),
        baseline=f'{detector}_plain_equal_boxes')
    TABLES[f'voc07_{detector}_class_aware'] = RunTable(
        'voc07', title, of(detector, CLASS_AWARE), boxes=True,
        differences=aps('coco', 'AP', 'APr', 'APc', 'APf', after=' minus ClassAwareSampler (95 % interval)'),
        baseline=f'{detector}_mmdet_class_aware')
    TABLES[f'voc07_{detector}_classes'] = ClassTable('voc07', f'{title}, AP of each class', of(detector, BY_CLASS))
TABLES['voc07_summary'] = SideBySide(*(
    RunTable('voc07', '[photographs, VOC 2007](docs/real_images.md)', of(detector, SUMMARY),
             aps('coco', 'AP', 'APr', 'APf', after=f', {DETECTORS[detector]}'))
    for detector in ('faster_rcnn', 'retinanet')))
TABLES['voc07_cosine'] = RunTable(
    'voc07', 'Faster R-CNN, cosine classifier', of('faster_rcnn', BY_CLASS, after='_cosine'),
    aps('coco', *GROUPS),
    differences=aps('coco', 'AP', 'AP50', 'AP75', 'APr', 'APf', after=' minus linear classifier (95 % interval)'))
TABLES['hdbpmn'] = RunTable('hdbpmn', 'YOLOX-nano', HDBPMN, ALL_APS, boxes=True,
                            differences=aps('coco', 'AP', after=MINUS),
                            by_seed=aps('coco', 'AP', 'APr', 'APf', after=BY_SEED))
TABLES['hdbpmn_classes'] = ClassTable('hdbpmn', 'AP of each class', {name: VOC_SHORT[name] for name in HDBPMN})

for detector, title in CALIBRATED.items():
    TABLES[f'calibration_{detector}'] = RunTable(
        'calibration', title, of(detector, CALIBRATIONS, CALIBRATIONS),
        {**{name: name for name in GROUPS}, 'AP_fixed': 'AP^fixed', 'AP_pool': 'AP^pool'},
        differences={'AP': 'AP minus none (95 % interval)', 'AP_pool': 'AP^pool minus none (95 % interval)'})

PICTURES: dict[str, ClassPicture | GainMap] = {}  # by the file's name in docs/images, without .png
for detector, title in DETECTORS.items():
    PICTURES[f'voc07_{detector}'] = ClassPicture('voc07', f'{title}: AP of each class', of(detector, BY_CLASS))
    PICTURES[f'voc07_{detector}_gains'] = GainMap('voc07', 'coco/bbox_APr', 'coco/bbox_APf', of(detector, VOC_SHORT))
PICTURES['hdbpmn'] = ClassPicture('hdbpmn', 'YOLOX-nano: AP of each class', {name: VOC_SHORT[name] for name in HDBPMN})
PICTURES['calibration'] = GainMap('calibration', 'APr', 'APf', of(
    'colored_digits', [name for name in CALIBRATIONS if name != 'isotonic'],
    {name: text.partition(':')[0] for name, text in CALIBRATIONS.items()}))
