"""Matching a case's detections, and what the evaluation libraries make of them."""

from imbdet.annotations import load_annotations
from imbdet.evaluation.detections import cap_detections
from imbdet.evaluation.ground_truth import GroundTruth
from imbdet.evaluation.matching import match_detections
from imbdet.evaluation.results_file import load_results, to_detections

from .references import reference_precision, results_file


def matches_of(case, style, folder, kind='bbox', lowest=0.5):
    path = results_file(case, kind, folder)
    truth = GroundTruth(case.path, style)
    found = to_detections(path, load_results(path), load_annotations(case.path), kind)
    counted = cap_detections(truth.with_image_numbers(found), style)
    return match_detections(truth, counted, sorted(case.category_ids), kind, lowest)


def reference_ap50(case, style, folder, kind='bbox', lowest=0.5):
    return reference_precision(case, kind, style, folder)[round((lowest - 0.5) / 0.05), ..., 0].mean(0)


def iou(one, other, crowd=False):
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    overlap = max(width, 0) * max(height, 0)
    return overlap / (one[2] * one[3] if crowd else one[2] * one[3] + other[2] * other[3] - overlap)
