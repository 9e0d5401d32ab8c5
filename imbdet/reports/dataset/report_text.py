"""Text sections of the imbalance report."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imbdet.annotations.fault import Fault, first_ten
from imbdet.classes.frequency_groups import GROUPS
from imbdet.repeat_sampling.simulated_epoch import METHOD_NAMES, ResampledEpoch
from imbdet.reports.dataset.dataset_analysis import DatasetAnalysis
from imbdet.reports.dataset.imbalance import BURSTY_RATIO, SIZES, format_number
from imbdet.reports.dataset.suggestion import Suggestion
from imbdet.reports.drawing.figures import GROUP_NAMES
from imbdet.reports.drawing.html_page import Section

LOOKED_FOR = ('Checked: images without width or height; annotations without bbox or area; duplicate ids; boxes of images or '
              'categories that the file does not list, with NaN or infinity, less than a pixel wide or high, without area, '
              'or outside their image; images without coco_url or file_name. If the config trains on the file, also: its '
              'classes, their order, and whether its filter removes all images.')


def lead(findings: DatasetAnalysis) -> str:
    """Summarize the file in a paragraph.

    Args:
        findings: Analysis from :func:`~imbdet.reports.analyze_dataset`.
    """
    imbalance, limits = findings.imbalance, findings.imbalance.limits
    groups = ', '.join(f'{np.count_nonzero(imbalance.groups == group)} {GROUP_NAMES[group]}' for group in GROUPS)
    sentences = [f'{imbalance.num_images:,} images with {imbalance.num_boxes:,} boxes of {len(imbalance.names):,} classes: '
                 f'{groups} (rare: in at most {limits.rare_max} images, common: in at most {limits.common_max}).']
    if imbalance.num_boxes:
        ratio = format_number(imbalance.imbalance_ratio)
        sentences.append(f'The commonest class is in {ratio} times as many images as the rarest.')
    sentences += [f'{what}: {number:,}.' for number, what in (
        (imbalance.num_empty, 'Images without a counted box'),
        (imbalance.num_ignored, 'Crowd or ignored boxes, which are not counted because no detector is trained on them'),
        (imbalance.num_faulty, 'Faulty boxes, which are not counted (see the faults)')) if number]
    return ' '.join([*sentences, findings.config_note]).strip()


def report_sections(findings: DatasetAnalysis, pictures: Mapping[str, Path | None], suggestion: Suggestion) -> list[Section]:
    """Write the sections of the report: explanations, pictures and tables.

    Args:
        findings: Analysis from :func:`~imbdet.reports.analyze_dataset`.
        pictures: The pictures by name; None if there was nothing to draw.
        suggestion: The suggested config and the reasons for it.

    Returns:
        The sections of the page.
    """
    counted = [*_classes(findings, pictures), *_epochs(findings, pictures), _sizes(findings, pictures)]
    advice = '\n\n'.join([*suggestion.reasons, _where_to_put_it(findings)])
    return [*(counted if findings.epochs else ()), _prior(findings), _faults(findings), _class_table(findings),
            Section('Suggestion', advice, code=suggestion.config)]


def _classes(findings: DatasetAnalysis, pictures: Mapping[str, Path | None]) -> list[Section]:
    imbalance = findings.imbalance
    bursty = [imbalance.names[index] for index in np.argsort(-np.nan_to_num(imbalance.boxes_per_image), kind='stable')
              if imbalance.is_bursty[index]]
    return [
        Section('Images and boxes of each class',
                'The further apart the ends, the longer the tail: a detector sees little of the classes at the low end and '
                'learns to ignore them. Colors show rare, common and frequent classes, by number of images.',
                pictures['class_counts']),
        Section('Images against boxes',
                f'The median class has {imbalance.median_boxes_per_image:.3g} boxes per image that contains it. We call a '
                f'class bursty if it has at least {BURSTY_RATIO:g} times as many. Many of its boxes are in the same image, '
                'so it has more boxes than its images suggest, but less varied ones. Bursty here: '
                f'{len(bursty)} of {len(imbalance.names):,} classes' + (f' ({first_ten(bursty)}).' if bursty else '.') +
                ' RFS weights classes by images only. IRFS also uses boxes: it repeats a bursty class less than a class '
                'with the same number of images and one box in each.', pictures['boxes_per_image']),
    ]


def _epochs(findings: DatasetAnalysis, pictures: Mapping[str, Path | None]) -> list[Section]:
    imbalance, target = findings.imbalance, findings.target_length
    tail = GROUP_NAMES[imbalance.rarest_group]
    unreached = [METHOD_NAMES[method] for method, reached in findings.reached.items() if not reached]
    missed = (f' No threshold up to 1 makes an epoch of {" and ".join(unreached)} that long; 1 is shown.' if unreached else '')
    rows: list[tuple[str, ...]] = [('method', 'threshold', 'chosen', 'epoch', 'x images', 'classes above 1', 'images above 1',
                                    'largest factor', f'draws of a {tail} class', 'images seen')]
    rows += [_epoch_row(epoch, f'for {target:g}' if for_target else 'papers', imbalance.num_images)
             for epoch, for_target in findings.reported_epochs()]
    return [
        Section('Repeat factors of the classes',
                'How many times an epoch shows the images of a class with RFS and IRFS, for the thresholds that make an '
                f'epoch {target:g} times as long as the data set.{missed} An image with several classes gets the largest '
                'factor among them. E-IRFS draws as many images as the data set has, and its factors are the weights of '
                'the draw, so only their ratios matter. The number after a name is the number of images.',
                pictures['class_factors']),
        Section('Length of an epoch against the threshold',
                f'Left: a higher threshold repeats more and makes epochs longer; the points mark the thresholds for '
                f'{target:g}. E-IRFS never changes the length: it draws as many images as the data set has, with replacement, '
                'so some images are drawn more often at the expense of others. Right: a quantity that allows comparing all '
                f'three, the share of draws that show an image with a {tail} class. In the table, "papers" marks the '
                'thresholds that the papers use on LVIS. "Images seen" is the share of images that an epoch shows at least '
                'once; with RFS and IRFS it is always 100 %.',
                pictures['thresholds'], rows),
        Section('Repeat factors of the images',
                'How often an epoch draws each image on average: with RFS and IRFS its repeat factor, with E-IRFS its share '
                'of the draws. Images far to the right are repeated many times within an epoch; only augmentation makes '
                'their copies differ.', pictures['image_factors']),
    ]


def _epoch_row(epoch: ResampledEpoch, chosen: str, num_images: int) -> tuple[str, ...]:
    return (METHOD_NAMES[epoch.method], f'{epoch.threshold:g}', chosen, f'{epoch.length:,}', f'{epoch.length / num_images:.3f}',
            f'{(epoch.category_factors > 1).sum():,}', f'{(epoch.image_factors > 1).sum():,}',
            format_number(float(epoch.category_factors.max())), f'{100 * epoch.tail_share:.1f} %',
            f'{100 * epoch.seen_share:.1f} %')


def _sizes(findings: DatasetAnalysis, pictures: Mapping[str, Path | None]) -> Section:
    imbalance = findings.imbalance
    rows: list[tuple[str, ...]] = [('group', *SIZES, 'all')]
    for name, counts in (*((GROUP_NAMES[group], imbalance.size_counts[row]) for row, group in enumerate(GROUPS)),
                         ('all', imbalance.size_counts.sum(axis=0))):
        rows.append((name, *(f'{count:,}' for count in counts), f'{counts.sum():,}'))
    return Section('Boxes by size',
                   'By the area in the file, in pixels of the stored images: small below 32 x 32, large from 96 x 96 on, as in '
                   'COCO. If the boxes of rare classes are smaller than the others, resolution also contributes to a low AP '
                   'of rare classes, and resampling does not change that.',
                   pictures['box_sizes'], rows)


def _prior(findings: DatasetAnalysis) -> Section:
    title = 'Foreground prior'
    meaning = ('The share of the anchors (or points) of a detector that belong to an object of a given class, counted with the '
               "head's own assigner on training batches. The lower it is, the more the background outweighs the objects, and "
               'the lower the initial bias of the classification should be.')
    if findings.cfg is None:
        return Section(title, 'It depends on the detector and its pipeline; add a config with --config to measure it.')
    if findings.priors is None:
        return Section(title, 'Not measured: the config cannot be trained on the file as it is (see the faults).')
    notes = [f'Not measured for {name}: {reason}.' for name, reason in findings.priors.skipped.items()]
    notes += [f'The prior of {name} is a rough estimate: its assigner depends on the predictions, which are random here.'
              for name, record in findings.priors.records.items() if record['is_guess']]
    rows = [('head', 'foreground', 'all anchors', 'classes', 'prior', 'bias')]
    rows += [(name, f'{record["num_foreground"]:,}', f'{record["num_anchors"]:,}', f'{record["num_classes"]:,}',
              f'{record["prior"]:.3g}', f'{record["bias"]:.2f}') for name, record in findings.priors.records.items()]
    return Section(title, ' '.join([meaning, *notes]), None, rows if len(rows) > 1 else ())


def _faults(findings: DatasetAnalysis) -> Section:
    if not findings.faults:
        return Section('Faults of the file', 'None found. ' + LOOKED_FOR)
    rows = [('fault', 'number', 'what happens in mmdet', 'first ten ids')]
    rows += [(fault.kind, f'{len(fault.ids):,}', _consequence(fault), first_ten(fault.ids)) for fault in findings.faults]
    fatal = [f'{fault.message}.' for fault in findings.faults if fault.is_fatal]
    return Section('Faults of the file', '\n\n'.join(['All ids are in report.json. ' + LOOKED_FOR, *fatal]), None, rows)


def _consequence(fault: Fault) -> str:
    if fault.is_fatal:
        return 'training cannot start'
    return {'images without coco_url': 'only LVISV1Dataset fails',
            'images without file_name': 'all but LVISV1Dataset fail'}.get(fault.kind, 'dropped silently')


def _class_table(findings: DatasetAnalysis) -> Section:
    imbalance, epochs = findings.imbalance, findings.epochs
    rows = [('class', 'group', 'images', 'boxes', 'boxes per image', 'bursty',
             *(f'{METHOD_NAMES[method]}, t = {epoch.threshold:g}' for method, epoch in epochs.items()))]
    for index in np.lexsort((imbalance.instance_counts, imbalance.image_counts)):
        images = imbalance.image_counts[index]
        rows.append((imbalance.names[index], GROUP_NAMES[str(imbalance.groups[index])], f'{images:,}',
                     f'{imbalance.instance_counts[index]:,}', f'{imbalance.boxes_per_image[index]:.2f}' if images else '',
                     'bursty' if imbalance.is_bursty[index] else '',
                     *(f'{epoch.category_factors[index]:,.3f}' for epoch in epochs.values())))
    return Section('Each class', 'Rarest first, with their repeat factors.', None, rows)


def _where_to_put_it(findings: DatasetAnalysis) -> str:
    if findings.cfg is not None:
        return 'This config inherits from yours. It is also written to suggestion.py; paths in it are as you gave them.'
    return ('Put this below the _base_ of your config; _delete_ replaces the settings of the base. With --config you get a '
            'complete config.')
