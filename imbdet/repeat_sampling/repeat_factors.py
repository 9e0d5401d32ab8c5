"""Repeat factors of categories and images, and systematic rounding of repeat factors to an epoch.

Pure functions over arrays, without mmdet.
"""

from collections.abc import Sequence

import numpy as np

METHODS = ('rfs', 'irfs', 'e-irfs')
E_IRFS_ALPHA = 2.0
"""Scale of the exponent in E-IRFS (arXiv 2503.21893)."""
IMAGE_FREQUENCIES = ('of-images', 'of-image-counts')
"""What E-IRFS divides the image count of a category by: the number of images, or the sum of all categories' image counts."""


def check_threshold(threshold: float) -> None:
    """Raise ValueError unless ``0 < threshold <= 1``."""
    if not 0 < threshold <= 1:  # NaN fails this too
        raise ValueError(f'threshold must be above 0 and at most 1, got {threshold}; it is the frequency below which a '
                         'category is repeated (1e-3 on LVIS)')


def category_repeat_factors(image_counts: Sequence[int] | np.ndarray,
                            instance_counts: Sequence[int] | np.ndarray,
                            num_images: int,
                            threshold: float,
                            method: str = 'irfs',
                            alpha: float = E_IRFS_ALPHA,
                            image_frequency: str = 'of-images') -> np.ndarray:
    r"""Compute the repeat factor of each category.

    With :math:`f_\mathrm{img} = n_\mathrm{img} / N` and :math:`f_\mathrm{inst} = n_\mathrm{inst} / \sum n_\mathrm{inst}`

    .. math::
        \text{rfs:}\quad r = \max(1, \sqrt{t / f_\mathrm{img}}) \qquad
        \text{irfs:}\quad r = \max(1, \sqrt{t / f}),\ f = \sqrt{f_\mathrm{img} f_\mathrm{inst}} \qquad
        \text{e-irfs:}\quad r = \exp(\alpha \sqrt{t / f})

    Sources: RFS arXiv 1908.03195, IRFS arXiv 2305.08069, E-IRFS arXiv 2503.21893. The public code of E-IRFS has
    :math:`f_\mathrm{img} = n_\mathrm{img} / \sum n_\mathrm{img}` instead: ``image_frequency='of-image-counts'``.

    Args:
        image_counts: Training images that contain each category, shape (C,), integers >= 0.
        instance_counts: Boxes of each category, shape (C,), integers >= 0.
        num_images: Images in the training set, at least 1.
        threshold: Frequency t in (0, 1]. The papers use 1e-3 for RFS and IRFS, on LVIS; E-IRFS's code uses 1e-4.
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        alpha: Scale of E-IRFS's exponent, above 0.
        image_frequency: E-IRFS's image frequency, ``'of-images'`` or ``'of-image-counts'``.

    Returns:
        Factors, shape (C,), float64, at least 1. A category without images gets 1.

    Raises:
        ValueError: If the method is unknown, the threshold is outside (0, 1], ``alpha`` or ``image_frequency`` is bad or
            set for another method than E-IRFS, or the counts are negative, differ in shape, or exceed ``num_images``.
    """
    check_threshold(threshold)
    frequencies = category_frequencies(image_counts, instance_counts, num_images, method, image_frequency)
    return factors_from_frequencies(frequencies, threshold, method, alpha)


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
                             alpha: float = E_IRFS_ALPHA) -> np.ndarray:
    """Compute repeat factors from frequencies.

    The rarest category of an image has the largest factor, so the lowest frequency determines the factor of the image.

    Args:
        frequencies: Frequencies of categories, or the lowest frequency of each image; above 0, infinite for a factor of 1.
        threshold: Frequency t in (0, 1], or an array of them that broadcasts.
        method: ``'irfs'``, ``'rfs'`` or ``'e-irfs'``.
        alpha: Scale of E-IRFS's exponent, above 0.

    Returns:
        Factors, float64, at least 1, with the broadcast shape.

    Raises:
        ValueError: If the method is unknown, or ``alpha`` is not above 0 or set for another method than E-IRFS.
    """
    check_method(method, alpha)
    root = np.sqrt(threshold / frequencies)
    return np.exp(alpha * root) if method == 'e-irfs' else np.maximum(1.0, root)


def check_method(method: str, alpha: float = E_IRFS_ALPHA, image_frequency: str = 'of-images') -> None:
    """Raise ValueError if the method is unknown, or a parameter of E-IRFS is bad or set for another method."""
    if method not in METHODS:
        raise ValueError(f'unknown method {method!r}; choose one of {", ".join(METHODS)}')
    if image_frequency not in IMAGE_FREQUENCIES:
        raise ValueError(f'unknown image_frequency {image_frequency!r}; choose one of {", ".join(IMAGE_FREQUENCIES)}')
    if not 0 < alpha < float('inf'):
        raise ValueError(f'alpha must be above 0 and finite, got {alpha}')
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


def epoch_length(factors: np.ndarray) -> int:
    """Return the number of images in an epoch: the sum of the factors, rounded up.

    Args:
        factors: Repeat factor of each image, shape (N,), at least 1.

    Returns:
        The length; it only depends on the factors, so it is the same in every epoch.
    """
    return int(np.ceil(np.sum(factors) - 1e-6))  # an integer sum with rounding errors is not rounded up


def systematic_indices(factors: np.ndarray, rng: np.random.Generator, shuffle: bool = True) -> np.ndarray:
    r"""Draw an epoch by systematic rounding of the repeat factors.

    With cumulative sums :math:`C_i` of the factors in a random order and one :math:`u \sim U(0, 1)`, image i appears
    :math:`\lfloor C_i + u \rfloor - \lfloor C_{i-1} + u \rfloor` times: the floor or the ceiling of its factor, and the
    factor itself in expectation. mmengine fixes the number of iterations by ``len(dataloader)``, so the length must be
    the same in every epoch although the sum of the factors is rarely an integer. Therefore a virtual last image with the
    factor ceil(sum) - sum is added; if it is drawn, it is replaced by a real image, each with probability 1/N.
    The expected count of image i is therefore its factor plus (ceil(sum) - sum) / N, less than 1/N above it.

    Args:
        factors: Repeat factor of each image, shape (N,), at least 1.
        rng: Random generator.
        shuffle: Whether the epoch comes in random order; otherwise in the order of the images, with copies next to each other.

    Returns:
        Indices into the images, shape (epoch_length(factors),), int64.
    """
    num_images, length = len(factors), epoch_length(factors)
    order = rng.permutation(num_images) if shuffle else np.arange(num_images)
    sums = np.cumsum(factors[order])
    counts = np.diff(np.floor(np.minimum(sums, length) + rng.random()), prepend=0.0).astype(np.int64)
    indices = np.repeat(order, counts)[:length]
    if len(indices) < length:  # the virtual image was drawn
        indices = np.append(indices, rng.integers(num_images, size=length - len(indices)))
    return rng.permutation(indices) if shuffle else np.sort(indices)


def weighted_indices(factors: np.ndarray, rng: np.random.Generator, shuffle: bool = True) -> np.ndarray:
    """Draw N of N images with replacement, each with probability factor / sum of factors (E-IRFS).

    Args:
        factors: Repeat factor of each image, shape (N,), above 0.
        rng: Random generator.
        shuffle: Whether the epoch comes in random order, or sorted.

    Returns:
        Indices into the images, shape (N,), int64.
    """
    indices = rng.choice(len(factors), size=len(factors), p=factors / factors.sum())
    return indices if shuffle else np.sort(indices)
