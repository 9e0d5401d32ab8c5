"""mmcv's operations written as plain loops over pixels, boxes and queries: a reference for those that compiled mmcv has on
GPUs only, and that no stored output can be made of without one."""

import math

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax


def sample(feature, y, x):
    """Bilinear value of one map at one point; the border counts up to one pixel outside, beyond that 0."""
    height, width = feature.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return feature.new_zeros(())
    y, x = min(max(float(y), 0.0), height - 1), min(max(float(x), 0.0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    return ((1 - down) * ((1 - across) * feature[top, left] + across * feature[top, right])
            + down * ((1 - across) * feature[bottom, left] + across * feature[bottom, right]))


def sigmoid_focal_loss(logits, target, gamma, alpha, weight):
    rows = []
    for row, label in zip(logits, target.tolist(), strict=True):
        losses = []
        for c, logit in enumerate(row):
            positive = c == label
            p_t = torch.sigmoid(logit if positive else -logit)
            entropy = binary_cross_entropy_with_logits(logit, torch.tensor(float(positive), dtype=logit.dtype))
            losses.append((alpha if positive else 1 - alpha) * (1 - p_t)**gamma * entropy)
        scale = weight[label] if weight is not None and label < len(weight) else 1.0
        rows.append(torch.stack(losses) * scale)
    return torch.stack(rows)


def softmax_focal_loss(logits, target, gamma, alpha, weight):
    losses = []
    for row, label in zip(logits, target.tolist(), strict=True):
        log_p = log_softmax(row, 0)[label]
        losses.append(-alpha * (1 - log_p.exp())**gamma * log_p * (1.0 if weight is None else weight[label]))
    return torch.stack(losses)


def roi_pool(features, rois, pooled, scale):
    output = features.new_zeros(len(rois), features.size(1), *pooled)
    height, width = features.shape[2:]
    for k, (image, x1, y1, x2, y2) in enumerate(rois.tolist()):
        left, top, w, h = x1 * scale, y1 * scale, (x2 + 1 - x1) * scale, (y2 + 1 - y1) * scale
        for i in range(pooled[0]):
            for j in range(pooled[1]):
                rows = range(max(math.floor(top + i * h / pooled[0]), 0), min(math.ceil(top + (i + 1) * h / pooled[0]), height))
                columns = range(max(math.floor(left + j * w / pooled[1]), 0),
                                min(math.ceil(left + (j + 1) * w / pooled[1]), width))
                if w > 0 and h > 0 and len(rows) and len(columns):
                    output[k, :, i, j] = torch.stack([features[int(image), :, y, x] for y in rows for x in columns]).amax(0)
    return output


def deform_roi_pool(features, rois, offset, pooled, scale, ratio, gamma):
    output = features.new_zeros(len(rois), features.size(1), *pooled)
    for k, (image, x1, y1, x2, y2) in enumerate(rois.tolist()):
        left, top, w, h = x1 * scale - 0.5, y1 * scale - 0.5, (x2 - x1) * scale, (y2 - y1) * scale
        rows, columns = (ratio, ratio) if ratio > 0 else (math.ceil(h / pooled[0]), math.ceil(w / pooled[1]))
        for i in range(pooled[0]):
            for j in range(pooled[1]):
                dx, dy = (offset[k, :, i, j] * gamma).tolist() if len(offset) else (0, 0)
                for c in range(features.size(1)):
                    values = [sample(features[int(image), c], top + dy * h + (i + (m + 0.5) / rows) * h / pooled[0],
                                     left + dx * w + (j + (n + 0.5) / columns) * w / pooled[1])
                              for m in range(rows) for n in range(columns)]
                    if values:
                        output[k, c, i, j] = torch.stack(values).mean()
    return output


def carafe(features, masks, kernel, groups, factor):
    images, channels, height, width = features.shape
    output = features.new_zeros(images, channels, height * factor, width * factor)
    for n in range(images):
        for c in range(channels):
            group = c // (channels // groups)
            for y in range(height * factor):
                for x in range(width * factor):
                    total = features.new_zeros(())
                    for i in range(kernel):
                        for j in range(kernel):
                            row, column = y // factor + i - kernel // 2, x // factor + j - kernel // 2
                            if 0 <= row < height and 0 <= column < width:
                                total = total + features[n, c, row, column] * masks[n, (group * kernel + i) * kernel + j, y, x]
                    output[n, c, y, x] = total
    return output


def ms_deform_attn(value, shapes, locations, weights):
    images, queries, heads, _, points, _ = locations.shape
    output = value.new_zeros(images, queries, heads, value.size(3))
    starts = [0, *torch.cumsum(shapes.prod(1), 0).tolist()]
    for n in range(images):
        for q in range(queries):
            for head in range(heads):
                for level, (height, width) in enumerate(shapes.tolist()):
                    maps = value[n, starts[level]:starts[level + 1], head].view(height, width, -1)
                    for point in range(points):
                        x, y = locations[n, q, head, level, point].tolist()
                        row, column = y * height - 0.5, x * width - 0.5
                        for i in (math.floor(row), math.floor(row) + 1):
                            for j in (math.floor(column), math.floor(column) + 1):
                                if 0 <= i < height and 0 <= j < width:  # outside is 0
                                    share = (1 - abs(row - i)) * (1 - abs(column - j))
                                    output[n, q, head] += share * weights[n, q, head, level, point] * maps[i, j]
    return output.flatten(2)


def nms(boxes, order, threshold):
    """Kept boxes in a given order."""
    keep = []
    for i in order.tolist():
        if all(iou(boxes[i], boxes[j]) <= threshold for j in keep):
            keep.append(i)
    return keep


def iou(a, b):
    a, b = a.tolist(), b.tolist()
    w, h = max(0.0, min(a[2], b[2]) - max(a[0], b[0])), max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union if union else 0.0


def line_nms(lanes, scores, threshold, top_k):
    """Kept lanes, and the number of the kept lane that each belongs to."""
    keep, parents = [], [0] * len(lanes)
    for i in torch.sort(scores, descending=True, stable=True).indices.tolist():
        near = [number for number, j in enumerate(keep) if lane_distance(lanes[i], lanes[j]) < threshold]
        if near:
            parents[i] = near[0] + 1
        elif len(keep) < top_k:
            keep.append(i)
            parents[i] = len(keep)
    return keep, parents


def lane_distance(a, b):
    starts = [int(float(lane[2]) * 71 + 0.5) for lane in (a, b)]
    ends = [start + int(lane[4]) - 1 for start, lane in zip(starts, (a, b), strict=True)]
    rows = range(max(starts), min(*ends, 71) + 1)
    return sum(abs(float(a[5 + row] - b[5 + row])) for row in rows) / len(rows) if len(rows) else math.inf
