"""Search for exact copies of images."""

import posixpath
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm


def find_copies(names: Sequence[str | None], digest: Callable[[str], bytes] | None = None) -> list[Hashable]:
    """Label images so that exact copies have equal labels.

    Args:
        names: File name of each image; None if it has none. Images with the same name are copies.
        digest: Function that returns a digest of the pixels of an image file, called in threads, once for each name. None: only
            the names are compared.

    Returns:
        A label for each image.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is not an image, or there is a digest and an image has no name.
    """
    labels: list[Hashable] = [position if name is None else posixpath.normpath(name) for position, name in enumerate(names)]
    if digest is None:
        return labels
    if None in names:
        raise ValueError(f"image number {names.index(None) + 1} of 'images' has no file name, so its pixels cannot be "
                         'compared; add file_name')
    unique = list(dict.fromkeys(map(str, labels)))
    with ThreadPoolExecutor() as pool:
        digests = list(tqdm(pool.map(digest, unique), total=len(unique), desc='images', unit='image', disable=None))
    by_name = dict(zip(unique, digests, strict=True))
    return [by_name[str(label)] for label in labels]
