"""Figures of resampled epochs: repeat factors and thresholds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imbdet.repeat_sampling.simulated_epoch import METHOD_NAMES, ResampledEpoch, ThresholdCurves
from imbdet.reports.dataset.imbalance import Imbalance
from imbdet.reports.dataset.imbalance_pictures import MOST_ROWS
from imbdet.reports.drawing.figures import GROUP_NAMES, new_figure, save_figure

METHOD_STYLES = {'rfs': ('#16a085', 'o', '-'), 'irfs': ('#8e44ad', 'D', '-'), 'e-irfs': ('#ca6f1e', 's', '--')}
NUM_BINS = 40


def draw_class_factors(out: Path, imbalance: Imbalance, epochs: Mapping[str, ResampledEpoch]) -> Path:
    """Draw the repeat factor of each class, RFS and IRFS next to E-IRFS, whose factors are weights on another scale.

    Args:
        out: PNG to write.
        imbalance: The counts.
        epochs: The epoch of each method.

    Returns:
        ``out``.
    """
    number = len(imbalance.names)
    in_rows = number <= MOST_ROWS
    figure = new_figure(8, 1.3 + 0.24 * max(number, 3)) if in_rows else new_figure(8, 4.2)
    panels = figure.subplots(1, 2, sharey=in_rows, width_ratios=(3, 2))
    order = np.lexsort((imbalance.instance_counts, imbalance.image_counts))
    seen = order[imbalance.image_counts[order] > 0]
    for axes, methods in zip(panels, (('rfs', 'irfs'), ('e-irfs', )), strict=True):
        for method in methods:
            color, marker, _ = METHOD_STYLES[method]
            factors = epochs[method].category_factors
            x, y = ((factors[order], np.arange(number)) if in_rows
                    else (imbalance.image_counts[seen], factors[seen]))
            axes.scatter(x, y, s=28 if in_rows else 7, color=color, marker=marker, alpha=0.85, linewidths=0,
                         zorder=3 if method == 'rfs' else 2, label=_title(epochs[method]))
        largest = max(float(epochs[method].category_factors.max(initial=1.0)) for method in methods)
        if in_rows:
            _factor_axis(axes.xaxis, axes.set_xscale, axes.set_xlim, largest)
            axes.set_xlabel('repeat factor, log axis' if len(methods) > 1 else 'weight of the draw, log axis')
        else:
            axes.set_xscale('log')
            _factor_axis(axes.yaxis, axes.set_yscale, axes.set_ylim, largest)
            axes.set_xlabel('images of the class, log axis')
            axes.set_ylabel('repeat factor, log axis' if len(methods) > 1 else 'weight of the draw, log axis')
        axes.grid(alpha=0.25, which='major')
        axes.legend(fontsize=8, loc='lower left', bbox_to_anchor=(0, 1), frameon=False)
    if in_rows:
        names = [f'{imbalance.names[index]} ({imbalance.image_counts[index]})' for index in order]
        panels[0].set_yticks(np.arange(number), names, fontsize=8, parse_math=False)
        panels[0].set_ylim(number - 0.4, -0.6)
    return save_figure(figure, out)


def draw_thresholds(out: Path, imbalance: Imbalance, curves: ThresholdCurves, epochs: Mapping[str, ResampledEpoch],
                    target_length: float) -> Path:
    """Draw the length of an epoch and the share of draws that show the tail, against the threshold.

    Args:
        out: PNG to write.
        imbalance: The counts.
        curves: Lengths and shares over thresholds.
        epochs: The epoch of each method, to be marked.
        target_length: Target length, divided by the number of images.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 3.8)
    lengths, shares = figure.subplots(1, 2)
    number = imbalance.num_images
    for method, (color, marker, line) in METHOD_STYLES.items():
        epoch = epochs[method]
        for axes, values, value in ((lengths, curves.lengths[method], epoch.length / number),
                                    (shares, 100 * curves.tail_shares[method], 100 * epoch.tail_share)):
            axes.plot(curves.thresholds, values, color=color, linestyle=line, label=METHOD_NAMES[method])
            axes.scatter([epoch.threshold], [value], color=color, marker=marker, s=40, zorder=3)
    lengths.axhline(target_length, color='#7f8c8d', linewidth=0.9, linestyle=':', label=f'target: {target_length:g}')
    lengths.set_ylabel('draws of an epoch / images')
    tail = GROUP_NAMES[imbalance.rarest_group]
    natural = 100 * float(imbalance.images_with(imbalance.rarest_group).mean())
    shares.axhline(natural, color='#7f8c8d', linewidth=0.9, linestyle=':', label=f'without resampling: {natural:.3g} %')
    shares.set_ylabel(f'% of the draws that show a {tail} class')
    shares.set_ylim(bottom=0)
    for axes in (lengths, shares):
        axes.set_xscale('log')
        axes.set_xlabel('threshold, log axis')
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc='lower left', bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return save_figure(figure, out)


def draw_image_factors(out: Path, epochs: Mapping[str, ResampledEpoch]) -> Path:
    """Draw a histogram of how often an epoch draws each image, per method.

    Args:
        out: PNG to write.
        epochs: The epoch of each method.

    Returns:
        ``out``.
    """
    figure = new_figure(8, 3.2)
    panels = figure.subplots(1, len(epochs), sharey=True)
    for axes, (method, epoch) in zip(panels, epochs.items(), strict=True):
        values = epoch.expected_draws
        low, high = float(values.min()), float(values.max())
        is_wide = high > 30 * low
        bins = np.geomspace(low, high, NUM_BINS + 1) if is_wide else np.linspace(low, max(high, low + 0.1), NUM_BINS + 1)
        bins[[0, -1]] = min(bins[0], low), max(bins[-1], high)  # geomspace may round inwards
        axes.hist(values, bins=bins, color=METHOD_STYLES[method][0])
        axes.set_yscale('log')
        if is_wide:
            axes.set_xscale('log')
        axes.set_title(_title(epoch), fontsize=9)
        axes.set_xlabel('draws per image and epoch' + (', log' if is_wide else ''), fontsize=9)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel('images, log axis')
    panels[0].set_ylim(bottom=0.7)
    return save_figure(figure, out)


def _title(epoch: ResampledEpoch) -> str:
    return f'{METHOD_NAMES[epoch.method]}, t = {epoch.threshold:g}'


def _factor_axis(axis: Any, set_scale: Any, set_limits: Any, largest: float) -> None:
    """Scale an axis for factors from 1 to the largest, with plain numbers while they are short."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter
    set_scale('log')
    top = max(1.15 * largest, 1.5)
    set_limits(1 / top**0.04, top)
    if top < 100:
        choices = (1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8) if top < 2 else (1, 1.5, 2, 3, 5, 7, 10, 20, 30, 50, 70)
        ticks = [tick for tick in choices if tick <= top]
        axis.set_major_locator(FixedLocator(ticks[::1 if len(ticks) < 8 else 2]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(StrMethodFormatter('{x:g}'))
