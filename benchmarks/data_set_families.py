"""mmdet's data set classes: family of each, the writer of its files, and what else is tried with it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import data_set_remarks as remarks
from data_set_checks import Case
from data_set_files import Written, write_coco, write_lvis, write_objects365v1, write_panoptic, write_v3det
from data_set_formats import (
    write_crowd_human,
    write_odvg,
    write_open_images,
    write_open_images_challenge,
    write_phrases,
    write_voc,
    write_wider_face,
)
from data_set_tasks import write_captions, write_expressions, write_maps, write_persons, write_video


class DataSet(NamedTuple):
    """How a data set class is tried.

    Attributes:
        family: What it is listed under.
        write: Writer of its files.
        remark: What else is tried with it.
        has_objects: Whether its items are images with boxes.
    """

    family: str
    write: Callable[[Path, type], Written]
    remark: Callable[[Case], str] | None = None
    has_objects: bool = True


DATA_SETS = {
    'CocoDataset': DataSet('COCO', write_coco, remarks.other_classes),
    'ADE20KInstanceDataset': DataSet('COCO', write_coco),
    'CityscapesDataset': DataSet('COCO', write_coco),
    'DeepFashionDataset': DataSet('COCO', write_coco),
    'iSAIDDataset': DataSet('COCO', write_coco, remarks.file_without_background),
    'Objects365V1Dataset': DataSet('COCO', write_objects365v1, remarks.ascending_ids),
    'Objects365V2Dataset': DataSet('COCO', write_coco),
    'V3DetDataset': DataSet('COCO', write_v3det, remarks.classes_of_a_text_file),
    'LVISDataset': DataSet('LVIS', write_lvis, remarks.alias),
    'LVISV05Dataset': DataSet('LVIS', write_lvis),
    'LVISV1Dataset': DataSet('LVIS', write_lvis, remarks.other_spelling),
    'CocoPanopticDataset': DataSet('panoptic', write_panoptic, remarks.boxes_of_things),
    'ADE20KPanopticDataset': DataSet('panoptic', write_panoptic, remarks.boxes_of_things),
    'VOCDataset': DataSet('VOC', write_voc, remarks.misspelled_class),
    'XMLDataset': DataSet('VOC', write_voc, remarks.misspelled_class),
    'WIDERFaceDataset': DataSet('VOC', write_wider_face, remarks.misspelled_class),
    'OpenImagesDataset': DataSet('Open Images', write_open_images, remarks.classes_of_label_file),
    'OpenImagesChallengeDataset': DataSet('Open Images', write_open_images_challenge, remarks.classes_of_label_file),
    'CrowdHumanDataset': DataSet('CrowdHuman', write_crowd_human, remarks.misspelled_class),
    'ODVGDataset': DataSet('language', write_odvg, remarks.classes_given),
    'Flickr30kDataset': DataSet('language', write_phrases, remarks.classes_given),
    'MDETRStyleRefCocoDataset': DataSet('language', write_phrases, remarks.classes_given),
    'RefCocoDataset': DataSet('language', write_expressions, has_objects=False),
    'CocoCaptionDataset': DataSet('language', write_captions, has_objects=False),
    'MOTChallengeDataset': DataSet('video', write_video, has_objects=False),
    'YouTubeVISDataset': DataSet('video', write_video, has_objects=False),
    'ADE20KSegDataset': DataSet('segmentation', write_maps, has_objects=False),
    'CocoSegDataset': DataSet('segmentation', write_maps, has_objects=False),
    'ReIDDataset': DataSet('persons', write_persons, has_objects=False),
}

NEED_PACKAGES = ('DODDataset', 'DSDLDetDataset')
"""Classes that cannot be built without packages that neither mmdet nor imbdet installs."""

BASES = ('BaseDetDataset', 'BaseSegDataset', 'BaseVideoDataset')
