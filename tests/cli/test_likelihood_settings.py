"""What a preset of ``imbdet likelihoods`` sets, and what it leaves to the command line."""

import argparse

import pytest

from imbdet.cli.likelihood_settings import fill_settings
from imbdet.cli.likelihoods import add_arguments

OURS = dict(embedding='resnet50', weights='default', image_size=224, normalization='imagenet', reduction='pca', dimensions=None,
            method='kmeans', eps=1.0, min_samples=10, noise='rare')
# Of data_analysis/feature_extraction.py and the notebooks of the authors' code.
PAPERS = dict(embedding='resnet101', weights='IMAGENET1K_V1', image_size=384, normalization='symmetric', reduction='tsne',
              dimensions=3, method='dbscan', eps=1.0, min_samples=10, noise='as_cluster')


def settings(*flags):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(['set.json', '--out', 'equity.npz', *flags])
    preset = fill_settings(arguments)
    return {name: getattr(arguments, name) for name in OURS}, preset


def test_defaults():
    assert settings() == (OURS, {})


def test_the_papers():
    assert settings('--preset', 'paper') == (PAPERS, PAPERS)


@pytest.mark.parametrize(('flags', 'changed', 'dropped'), [
    (('--weights', 'resnet101.pth'), dict(weights='resnet101.pth'), ['weights']),
    (('--noise', 'rare', '--eps', '2.5', '--dimensions', '2'), dict(noise='rare', eps=2.5, dimensions=2),
     ['noise', 'eps', 'dimensions']),
    # What goes with an embedding, a reduction or a method goes where this goes.
    (('--embedding', 'detector'), dict(embedding='detector', weights='default', image_size=224, normalization='imagenet'),
     ['embedding', 'weights', 'image_size', 'normalization']),
    (('--embedding', 'resnet101'), {}, ['embedding']),
    (('--reduction', 'pca'), dict(reduction='pca', dimensions=None), ['reduction', 'dimensions']),
    (('--method', 'hdbscan'), dict(method='hdbscan'), ['method', 'eps', 'min_samples'])])
def test_a_flag_counts_more_than_the_preset(flags, changed, dropped):
    found, preset = settings('--preset', 'paper', *flags)
    assert found == {**PAPERS, **changed}
    assert preset == {name: value for name, value in PAPERS.items() if name not in dropped}
