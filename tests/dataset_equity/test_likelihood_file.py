"""The file of likelihoods: what is written is read, images are found, and a broken file is told."""

import csv
import json
import pickle
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from imbdet.dataset_equity import ImageKey, LikelihoodFile, read_likelihoods, write_likelihoods

from .write_likelihoods import write_for


def content(paths, ids=None, **changes):
    number = len(paths)
    columns = dict(image_ids=np.array(ids or range(number)).astype(str), paths=np.array(paths),
                   clusters=np.zeros(number, np.int32), likelihoods=np.ones(number), skipped=np.empty(0, str), provenance={})
    return LikelihoodFile(**{**columns, **changes})


def find(held, *images):
    return held.find([ImageKey(*image) for image in images]).tolist()


EXAMPLE = content(['a/ä b.png', 'a/1.png', 'b/2.png'], [17, 'x', 5], clusters=np.array([4, -1, 4], np.int32),
                  likelihoods=np.array([1.0, 0.0, 1 / 3]), skipped=np.array(['b/broken.png']),
                  provenance={'root': '/data', 'embedding': {'name': 'é', 'size': 224}, 'seed': 0})


def test_round_trip(tmp_path):
    path = tmp_path / 'new/equity.npz'
    assert write_likelihoods(str(path), EXAMPLE) == path
    read = read_likelihoods(str(path))
    for name in ('image_ids', 'paths', 'clusters', 'likelihoods', 'skipped'):
        np.testing.assert_array_equal(getattr(read, name), getattr(EXAMPLE, name), strict=True)
    assert read.provenance == read.made == EXAMPLE.provenance
    assert sorted(entry.name for entry in path.parent.iterdir()) == ['equity.csv', 'equity.npz']


def test_plain_arrays(tmp_path):
    """Other programs read the file with numpy alone."""
    with np.load(write_likelihoods(tmp_path / 'equity.npz', EXAMPLE), allow_pickle=False) as arrays:
        assert set(arrays.files) == {'image_ids', 'paths', 'clusters', 'likelihoods', 'skipped', 'made'}
        assert arrays['image_ids'].tolist() == ['17', 'x', '5']
        assert json.loads(str(arrays['made']))['embedding']['name'] == 'é'


def test_table(tmp_path):
    write_likelihoods(tmp_path / 'equity.npz', EXAMPLE)
    with open(tmp_path / 'equity.csv', newline='') as file:
        rows = list(csv.reader(file))
    assert rows == [['image_id', 'path', 'cluster', 'cluster_size', 'likelihood', 'weight'],
                    ['17', 'a/ä b.png', '4', '2', '1', '0.5'],
                    ['x', 'a/1.png', '-1', '1', '0', '1'],
                    ['5', 'b/2.png', '4', '2', '0.333333', f'{(1 + (2 / 3)**5) / 2:.9g}']]
    write_likelihoods(tmp_path / 'equity.npz', EXAMPLE, np.array([1.0, 3.0, 0.25]))
    lines = (tmp_path / 'equity.csv').read_text().splitlines()
    assert [line.rsplit(',', 1)[1] for line in lines] == ['weight', '1', '3', '0.25']


def test_another_suffix(tmp_path):
    """To a path without .npz, numpy writes beside it, and the file that was asked for would be empty."""
    assert read_likelihoods(write_likelihoods(tmp_path / 'equity.bin', EXAMPLE)).paths.tolist() == EXAMPLE.paths.tolist()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ['equity.bin', 'equity.csv']


def test_a_kill_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_for(tmp_path, [0.5, 1.0])
    before = path.read_bytes()

    def die(file, **arrays):
        file.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(np, 'savez_compressed', die)
    with pytest.raises(KeyboardInterrupt):
        write_for(tmp_path, [0.1, 1.0])
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ['equity.csv', 'equity.npz']


def test_find_by_id():
    held = content(['a/30.png', 'a/4.png', 'a/100.png'], [30, 4, 100])
    assert find(held, (100, '/x/100.png'), (4, '/x/4.png'), (30, '/x/30.png')) == [2, 1, 0]
    assert find(held, ('4', '4.png'), (5, '5.png'), (1000, '1000.png'), (0, '0.png')) == [1, -1, -1, -1]
    assert find(held) == []
    assert find(held, (4, '/elsewhere/4.jpg')) == [1]  # the same image, packed in another way


def test_an_id_of_another_image():
    held = content(['a/1.png', 'a/2.png'], [1, 2])
    with pytest.raises(ValueError, match=r'image id 2 is /data/9\.png in the data set but a/2\.png in the file.*create it'):
        find(held, (1, '/data/1.png'), (2, '/data/9.png'))


def test_find_by_path_where_ids_collide():
    held = content(['day/0.png', 'day/1.png', 'night/0.png', 'night/1.png'], [0, 1, 0, 1])
    assert find(held, (0, '/mnt/data/night/0.png'), (1, '/mnt/data/day/1.png'), (0, 'data/day/0.png')) == [2, 1, 0]
    assert find(held, (0, '0.png'), (0, '/mnt/dusk/0.png'), (0, '/mnt/midnight/0.png')) == [-1, -1, -1]
    assert find(held, (5, 'night/1.png')) == [3]  # the id is no matter any more


def test_the_longest_end_of_a_path_counts():
    held = content(['a/0.png', 'b/a/0.png', 'c/b/a/0.png', 'c/1.png'], [0, 0, 1, 2])
    paths = ['/r/a/0.png', '/r/b/a/0.png', '/r/c/b/a/0.png', '/r/d/b/a/0.png', '/r/b/c/a/0.png']
    assert find(held, *((0, path) for path in paths)) == [0, 1, 2, 1, 0]


@pytest.mark.parametrize('seed', range(5))
def test_random_paths(seed):
    """Against a comparison of each image with each path of the file."""
    rng = np.random.default_rng(seed)
    paths = sorted({'/'.join(rng.choice(list('ab'), rng.integers(1, 5))) + '/0.png' for _ in range(12)})
    images = ['/root/' + '/'.join(rng.choice(list('ab'), rng.integers(1, 7))) + '/0.png' for _ in range(60)]
    expected = []
    for image in images:
        ends = ['/'.join(PurePosixPath(image).parts[-count:]) for count in range(1, len(PurePosixPath(image).parts))]
        expected.append(next((paths.index(end) for end in ends[::-1] if end in paths), -1))
    held = content(paths, [0] * len(paths))
    assert find(held, *((0, image) for image in images)) == expected
    assert len(set(expected)) > 3


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.npz: no such file of likelihoods; imbdet likelihoods CONFIG'):
        read_likelihoods(tmp_path / 'none.npz')
    with pytest.raises(FileNotFoundError):
        read_likelihoods(tmp_path)


class Trap:
    """Pickled, it makes a file where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


def save(path, **changes):
    """Write a file with other columns; a column that is None is left out."""
    columns = {**EXAMPLE._asdict(), 'made': np.array('{}'), **changes}
    np.savez(path, **{name: column for name, column in columns.items() if column is not None})


BROKEN = {
    'empty': lambda path: path.write_bytes(b''),
    'text': lambda path: path.write_text('image_id,likelihood\n1,0.5\n'),
    'pickle': lambda path: path.write_bytes(pickle.dumps(Trap(path.with_name('trapped')))),
    'array': lambda path: np.save(path.open('wb'), np.ones(3)),
    'objects': lambda path: save(path, paths=np.array([Trap(path.with_name('trapped'))] * 3, object)),
    'no clusters': lambda path: save(path, clusters=None),
    'no made': lambda path: save(path, made=None),
    'made is no JSON': lambda path: save(path, made=np.array('{')),
    'a column too short': lambda path: save(path, paths=EXAMPLE.paths[:2]),
    'a column in a column': lambda path: save(path, clusters=np.zeros((3, 1), np.int32)),
    'a number': lambda path: save(path, likelihoods=np.array(1.0)),
    'no images': lambda path: save(path, **{name: getattr(EXAMPLE, name)[:0] for name in LikelihoodFile._fields[:4]}),
    'words': lambda path: save(path, likelihoods=np.array(['1', 'a', '2'])),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_file(kind, tmp_path):  # fault 25
    path = tmp_path / 'equity.npz'
    BROKEN[kind](path)
    with pytest.raises(ValueError, match=r'equity\.npz: not a file of likelihoods as imbdet likelihoods writes it'):
        read_likelihoods(path)
    assert not (tmp_path / 'trapped').exists()


@pytest.mark.parametrize('value', [-0.1, 1.1, np.nan])
def test_likelihoods_out_of_range(value, tmp_path):  # fault 21
    with pytest.raises(ValueError, match=r'equity\.npz: likelihoods must be in \[0, 1\]'):
        read_likelihoods(write_for(tmp_path, [0.5, value], weights=np.ones(2)))


def test_damaged_bytes(tmp_path):
    """A file cut anywhere, or with any byte another one, is refused, or what it says is unchanged."""
    path = write_likelihoods(tmp_path / 'equity.npz', EXAMPLE)
    whole = path.read_bytes()
    expected = [np.asarray(column).tolist() for column in read_likelihoods(path)[:5]]
    damaged = [whole[:length] for length in range(0, len(whole), 23)]
    damaged += [whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1:] for place in range(0, len(whole), 7)]
    messages = []
    for data in damaged:
        path.write_bytes(data)
        try:
            read = read_likelihoods(path)
        except ValueError as error:
            messages.append(str(error))
        else:
            assert [column.tolist() for column in read[:5]] == expected
    assert len(messages) > 0.5 * len(damaged)
    assert all(message.startswith(f'{path}: ') for message in messages)
