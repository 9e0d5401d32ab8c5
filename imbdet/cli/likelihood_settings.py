"""Settings of ``imbdet likelihoods``: the defaults, and presets that replace them."""

import argparse

PARTS = {'embedding': ('weights', 'image_size', 'normalization'), 'reduction': ('dimensions', ),
         'method': ('eps', 'min_samples')}
"""Settings of a preset that go with another one, and are dropped where that is given on the command line."""
DEFAULTS = {
    'embedding': 'resnet50', 'weights': 'default', 'image_size': 224, 'normalization': 'imagenet', 'reduction': 'pca',
    'method': 'kmeans', 'eps': 1.0, 'min_samples': 10, 'noise': 'rare'
}
PRESETS = {
    # As DatasetEquity's authors: arXiv 2308.09878, and data_analysis/ of their code.
    'paper': {
        'embedding': 'resnet101', 'weights': 'IMAGENET1K_V1', 'image_size': 384, 'normalization': 'symmetric',
        'reduction': 'tsne', 'dimensions': 3, 'method': 'dbscan', 'eps': 1.0, 'min_samples': 10, 'noise': 'as_cluster'
    }
}
"""Settings by the name of the preset."""


def fill_settings(arguments: argparse.Namespace) -> dict[str, object]:
    """Fill in the settings that the command line does not give, from its preset and then from the defaults.

    Args:
        arguments: The arguments, with ``preset``, and None where a setting is not given; changed in place.

    Returns:
        What the preset has set, by name; without a preset empty.
    """
    preset = dict(PRESETS.get(arguments.preset, {}))
    dropped = {part for name, parts in PARTS.items() if getattr(arguments, name) not in (None, preset.get(name))
               for part in parts}
    preset = {name: value for name, value in preset.items() if getattr(arguments, name) is None and name not in dropped}
    for name, value in {**DEFAULTS, **preset}.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return preset
