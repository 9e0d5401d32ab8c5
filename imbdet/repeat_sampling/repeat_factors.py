"""Repeat factors of categories and images.

Pure functions over arrays, without mmdet.
"""

from collections.abc import Sequence

import numpy as np

METHODS = ('rfs', 'irfs', 'e-irfs')
E_IRFS_ALPHA = 2.0
"""Scale of the exponent in E-IRFS (arXiv 2503.21893)."""
IMAGE_FREQUENCIES = ('of-images', 'of-image-counts')
"""What E-IRFS divides the image count of a category by: the number of images, or the sum of all categories' image counts."""
POWER = 0.5
"""Power of RFS and IRFS in their papers; other powers are ours."""


def check_threshold(threshold: float) -> None:
    """Raise ValueError unless ``0 < threshold <= 1``."""
    if not 0 < threshold <= 1:  # NaN fails this too
        raise ValueError(f'threshold must be above 0 and at most 1, got {threshold}; it is the frequency below which a '
                         'category is repeated (1e-3 on LVIS)')


def check_power(power: float) -> None:
    """Raise ValueError unless ``0 < power <= 1``."""
    if not 0 < power <= 1:
        raise ValueError(f"power must be in (0, 1], got {power}; 0.5 is the papers'")


def category_repeat_factors(image_counts: Sequence[int] | np.ndarray,
                            instance_counts: Sequence[int] | np.ndarray,
                            num_images: int,
                            threshold: float,
                            method: str = 'irfs',
                            alpha: float = E_IRFS_ALPHA,
                            image_frequency: str = 'of-images',
                            power: float = POWER) -> np.ndarray:
    r"""Compute the repeat factor of each category.

    With :math:`f_\mathrm{img} = n_\mathrm{img} / N` and :math:`f_\mathrm{inst} = n_\mathrm{inst} / \sum n_\mathrm{inst}`

    .. math::
        \text{rfs:}\quad r = \max(1, (t / f_\mathrm{img})^p) \qquad
        \text{irfs:}\quad r = \max(1, (t / f)^p),\ f = \sqrt{f_\mathrm{img} f_\mathrm{inst}} \qquad
        \text{e-irfs:}\quad r = \exp(\alpha \sqrt{t / f})

    Sources: RFS arXiv 1908.03195 and IRFS arXiv 2305.08069, both with p = 1/2; E-IRFS arXiv 2503.21893. The public code of
    E-IRFS has :math:`f_\mathrm{img} = n_\mathrm{img} / \sum n_\mathrm{img}` instead: ``image_frequency='of-image-counts'``.
    Other powers p are ours. RFS with p = t = 1 gives :math:`r = 1 / f_\mathrm{img}`: categories are shown equally often, as far
    as images with several categories allow.

    Args:
        image_counts: Training images that contain each category, shape (C,), integers >= 0.
        instance_counts: Boxes of each category, shape (C,), integers >= 0.
        num_images: Images in the training set, at least 1.
        threshold: Frequency t in (0, 1]. The papers use 1e-3 for RFS and IRFS, on LVIS; E-IRFS's code uses 1e-4.
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        alpha: Scale of E-IRFS's exponent, above 0.
        image_frequency: E-IRFS's image frequency, ``'of-images'`` or ``'of-image-counts'``.
        power: Power p of RFS and IRFS, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Returns:
        Factors, shape (C,), float64, at least 1. A category without images gets 1.

    Raises:
        ValueError: If the method is unknown, the threshold or ``power`` is outside (0, 1], ``alpha`` or ``image_frequency`` is
            bad, a parameter is set that has no meaning with the method, or the counts are negative, differ in shape, or exceed
            ``num_images``.
    """
    check_threshold(threshold)
    frequencies = category_frequencies(image_counts, instance_counts, num_images, method, image_frequency)
    return factors_from_frequencies(frequencies, threshold, method, alpha, power)


def category_frequencies(image_counts: Sequence[int] | np.ndarray,
                         instance_counts: Sequence[int] | np.ndarray,
                         num_images: int,
                         method: str = 'irfs',
                         image_frequency: str = 'of-images') -> np.ndarray:
    """Compute the frequency f of each category, which :func:`category_repeat_factors` compares with the threshold.

    Args:
        image_counts: Training images that contain each category, shape (C,), integers >= 0.
        instance_counts: Boxes of each category, shape (C,), integers >= 0.
        num_images: Images in the training set, at least 1.
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        image_frequency: E-IRFS's image frequency, ``'of-images'`` or ``'of-image-counts'``.

    Returns:
        Frequencies in (0, 1], shape (C,), float64; infinite for a category without images.

    Raises:
        ValueError: If the method or ``image_frequency`` is unknown, or the counts are negative, differ in shape, or exceed
            ``num_images``.
    """
    check_method(method, image_frequency=image_frequency)
    images = np.asarray(image_counts, dtype=np.float64)
    instances = np.asarray(instance_counts, dtype=np.float64)
    if images.ndim != 1 or images.shape != instances.shape:
        raise ValueError(f'image_counts and instance_counts must have the same shape (C,), got {images.shape} and '
                         f'{instances.shape}')
    if (images < 0).any() or (instances < images).any() or (images > num_images).any():
        raise ValueError('counts must satisfy 0 <= image_counts <= num_images and image_counts <= instance_counts')
    frequencies = np.full(len(images), np.inf)
    seen = images > 0
    frequencies[seen] = images[seen] / (num_images if image_frequency == 'of-images' else images.sum())
    if method != 'rfs':
        frequencies[seen] = np.sqrt(frequencies[seen] * instances[seen] / instances.sum())
    return frequencies


def factors_from_frequencies(frequencies: np.ndarray,
                             threshold: float | np.ndarray,
                             method: str = 'irfs',
                             alpha: float = E_IRFS_ALPHA,
                             power: float = POWER) -> np.ndarray:
    """Compute repeat factors from frequencies.

    The rarest category of an image has the largest factor, so the lowest frequency determines the factor of the image.

    Args:
        frequencies: Frequencies of categories, or the lowest frequency of each image; above 0, infinite for a factor of 1.
        threshold: Frequency t in (0, 1], or an array of them that broadcasts.
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        alpha: Scale of E-IRFS's exponent, above 0.
        power: Power p of RFS and IRFS, in (0, 1]. 1/2 is the papers'; other powers are ours.

    Returns:
        Factors, float64, at least 1, with the broadcast shape.

    Raises:
        ValueError: If the method is unknown, ``alpha`` is not above 0, ``power`` is outside (0, 1], or one of them is set for a
            method that does not have it.
    """
    check_method(method, alpha, power=power)
    raised = raise_to(threshold / frequencies, power)
    return np.exp(alpha * raised) if method == 'e-irfs' else np.maximum(1.0, raised)


def raise_to(values: np.ndarray, power: float) -> np.ndarray:
    """Raise values to a power; by the square root for 1/2, so that the draws of earlier releases stay the same to the bit."""
    return np.sqrt(values) if power == POWER else values**power


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        raise ValueError(f'unknown {name} {value!r}; choose one of {", ".join(choices)}')


def check_method(method: str, alpha: float = E_IRFS_ALPHA, image_frequency: str = 'of-images', power: float = POWER) -> None:
    """Raise ValueError if the method is unknown, or a parameter is bad or set for a method that does not have it."""
    check_choice('method', method, METHODS)
    check_choice('image_frequency', image_frequency, IMAGE_FREQUENCIES)
    if not 0 < alpha < float('inf'):
        raise ValueError(f'alpha must be above 0 and finite, got {alpha}')
    check_power(power)
    if method == 'e-irfs' and power != POWER:
        raise ValueError(f"power={power!r} only has a meaning with method='rfs' or 'irfs', got method='e-irfs'; remove it")
    for name, value, default in (('alpha', alpha, E_IRFS_ALPHA), ('image_frequency', image_frequency, 'of-images')):
        if method != 'e-irfs' and value != default:
            raise ValueError(f"{name}={value!r} only has a meaning with method='e-irfs', got method={method!r}; remove it")


def image_repeat_factors(labels_per_image: Sequence[Sequence[int] | np.ndarray],
                         category_factors: np.ndarray) -> np.ndarray:
    """Compute the repeat factor of each image: the largest factor among its categories.

    Args:
        labels_per_image: For each of N images its category labels, integers in [0, C); repeats are allowed, order does
            not matter.
        category_factors: Factor of each category, shape (C,), at least 1.

    Returns:
        Factors, shape (N,), float64; 1.0 for an image without labels.
    """
    return _reduce(np.maximum, labels_per_image, category_factors, 1.0)


def rarest_frequencies(labels_per_image: Sequence[Sequence[int] | np.ndarray], frequencies: np.ndarray) -> np.ndarray:
    """Find the lowest frequency among the categories of each image, which determines its repeat factor.

    Args:
        labels_per_image: For each of N images its category labels, integers in [0, C).
        frequencies: Frequency of each category, shape (C,).

    Returns:
        Frequencies, shape (N,), float64; infinite for an image without labels.
    """
    return _reduce(np.minimum, labels_per_image, frequencies, np.inf)


def _reduce(extreme: np.ufunc, labels_per_image: Sequence[Sequence[int] | np.ndarray], values: np.ndarray,
            empty: float) -> np.ndarray:
    """Take the largest or smallest value among the categories of each image; ``empty`` for one without labels."""
    reduced = np.full(len(labels_per_image), empty)
    lengths = np.fromiter(map(len, labels_per_image), dtype=np.int64, count=len(labels_per_image))
    labelled = lengths > 0
    if labelled.any():
        labels = np.concatenate([np.asarray(labels, dtype=np.int64) for labels in labels_per_image])
        starts = np.concatenate([[0], np.cumsum(lengths[labelled])[:-1]])
        reduced[labelled] = extreme.reduceat(np.asarray(values, dtype=np.float64)[labels], starts)
    return reduced
