"""How the names of mmdet's losses pair: which of them classify, and the regression loss of each."""

import re
from collections.abc import Iterable, Sequence

# By the end of a classification loss's name: the ends of the regression losses next to it, alternatives in order. An objectness
# comes before classes.
PARTNERS: dict[str, tuple[tuple[str, ...], ...]] = {
    'obj': (('bbox', ), ),
    'conf': (('xy', 'wh'), ),
    'cls': (('bbox', ), ('reg', ), ('bbox_cls', 'bbox_reg'), ('pts_init', 'pts_refine')),
}
CLASSIFIES = re.compile(
    r'(?<!bbox_)(cls|obj|conf|heatmap|emd|det_loss|bag_loss|cls_objectness|cls_classes|loss_pos|loss_neg)$')
"""Ends of the names of losses by which mmdet's heads classify; the last ones in one with the regression, or without any."""


def match_pairs(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Pair classification losses with the regression losses of the same prefix.

    ``loss_cls`` goes with ``loss_bbox``, ``loss_rpn_cls`` with ``loss_rpn_bbox``, ``s0.loss_cls`` with ``s0.loss_bbox``,
    Cascade RPN's ``s1.loss_rpn_cls`` with ``s1.loss_rpn_reg``, SABL's ``loss_cls`` with ``loss_bbox_cls`` and
    ``loss_bbox_reg``, RepPoints' with ``loss_pts_init`` and ``loss_pts_refine``, YOLOX's ``loss_obj`` with ``loss_bbox``,
    YOLOv3's ``loss_conf`` with ``loss_xy`` and ``loss_wh``. Where there is an objectness, the classes are left alone: they
    see foreground only.

    Args:
        names: Names of a detector's losses.

    Returns:
        Names of the regression losses by the name of the classification loss; may be empty.
    """
    pairs: dict[str, tuple[str, ...]] = {}
    taken = set()
    for ending, alternatives in PARTNERS.items():
        for name in names:
            match = re.fullmatch(rf'(.*loss_(?:.*_)?){ending}', name)
            if not match or match[1] in taken or not CLASSIFIES.search(name):
                continue
            for partners in alternatives:
                regression = tuple(match[1] + partner for partner in partners)
                if set(regression) <= set(names):
                    pairs[name] = regression
                    taken.add(match[1])
                    break
    return pairs


def match_all(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Pair classification losses with all other losses of the same prefix.

    FCOS's ``loss_cls`` goes with ``loss_bbox`` and ``loss_centerness``, PAA's with ``loss_bbox`` and ``loss_iou``,
    ``s0.loss_cls`` with ``s0.loss_bbox`` and ``s0.loss_mask``, ``loss_rpn_cls`` with ``loss_rpn_bbox`` alone. Classes next to
    an objectness are left alone, as in :func:`match_pairs`.

    Args:
        names: Names of a detector's losses, with other things that it logs.

    Returns:
        Names of the other losses by the name of the classification loss; may be empty.
    """
    stems = {name: match[0] for name in names for match in [re.match(r'.*loss_(rpn_)?', name)] if match}
    others: dict[str, list[str]] = {}
    for name, stem in stems.items():
        if not CLASSIFIES.search(name):
            others.setdefault(stem, []).append(name)
    decided = {stems[name] for name in stems if re.search('(obj|conf)$', name)}
    return {name: tuple(others[stem]) for name, stem in stems.items()
            if CLASSIFIES.search(name) and stem in others and not (stem in decided and name.endswith('cls'))}


def unpaired(names: Sequence[str], pairs: Iterable[str]) -> list[str]:
    """List the classification losses that are in no pair.

    Args:
        names: Names of a detector's losses.
        pairs: Names of the classification losses that are.

    Returns:
        Their names; without the classes next to an objectness that is in a pair.
    """
    pairs = set(pairs)
    decided = {re.sub('(obj|conf)$', 'cls', name) for name in pairs}
    return [name for name in names if CLASSIFIES.search(name) and name not in pairs | decided]
