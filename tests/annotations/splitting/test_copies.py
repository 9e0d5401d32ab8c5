import time
from collections import Counter

import pytest

from imbdet.annotations.splitting import find_copies

NAMES = ['a.png', 'b.png', './a.png', None, 'c.png', None]


def same(labels):
    return [[place for place, other in enumerate(labels) if other == label] for label in labels]


def test_equal_names_are_copies_and_images_without_a_name_are_not():
    assert same(find_copies(NAMES)) == [[0, 2], [1], [0, 2], [3], [4], [5]]


def test_equal_digests_are_copies_and_each_file_is_read_once():
    read = Counter()

    def digest(name):
        read[name] += 1
        return b'1' if name in ('a.png', 'c.png') else b'2'

    assert same(find_copies(['a.png', 'b.png', './a.png', 'c.png'], digest)) == [[0, 2, 3], [1], [0, 2, 3], [0, 2, 3]]
    assert read == {'a.png': 1, 'b.png': 1, 'c.png': 1}


def test_an_unreadable_file_ends_the_search():
    read = []

    def digest(name):
        read.append(name)
        time.sleep(0.001)
        raise ValueError(f'{name} cannot be decoded')

    with pytest.raises(ValueError, match=r'0\.png cannot be decoded'):
        find_copies([f'{number}.png' for number in range(5000)], digest)
    assert len(read) < 5000


def test_pixels_need_a_name():
    with pytest.raises(ValueError, match=r"image number 4 of 'images' has no file name"):
        find_copies(NAMES, lambda name: b'')
