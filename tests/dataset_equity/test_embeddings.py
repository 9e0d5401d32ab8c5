"""Embedding in parts: order, broken images, several processes, and going on after a kill.

Most tests embed by the mean color, which is known of each image.
"""

import os
import shutil

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from imbdet.dataset_equity import embeddings
from imbdet.dataset_equity.embedding_networks import build_embedding
from imbdet.dataset_equity.embeddings import cache_folder, embed_shards, load_shards

CPU = torch.device('cpu')
NUMBER = 8


@pytest.fixture(autouse=True)
def three_in_a_part(monkeypatch):
    monkeypatch.setattr(embeddings, 'IMAGES_PER_SHARD', 3)


class MeanColor:
    """Embeds by the mean of each channel, twice as large, and counts the images that it sees."""

    def __init__(self, die_at=None, **description):
        self.description = {'name': 'mean-color', 'weights': 'needs none', **description}
        self.die_at = die_at
        self.seen = []

    def prepare(self, image):
        assert image.dtype == np.uint8
        if len(self.seen) == self.die_at:
            raise KeyboardInterrupt
        self.seen.append(image[0, 0].tolist())
        return image.mean((0, 1)).astype(np.float32)

    def embed(self, batch):
        return 2 * batch


def color(index):
    """Red, green, blue."""
    return [10 * index, 20 + index, 250 - index]


@pytest.fixture
def paths(tmp_path):
    """Images of one color each, of different sizes."""
    for index in range(NUMBER):
        Image.new('RGB', (20 + index, 30), tuple(color(index))).save(tmp_path / f'{index}.png')
    return [str(tmp_path / f'{index}.png') for index in range(NUMBER)]


def embed(paths, folder, embedding=None, batch_size=2, num_workers=0, world_size=1):
    embedding = embedding or MeanColor()
    for rank in range(world_size):
        embed_shards(paths, embedding, folder, batch_size, num_workers, CPU, rank, world_size)
    return load_shards(folder, len(paths))


def check(result, readable=range(NUMBER)):
    features, is_readable = result
    assert is_readable.tolist() == [index in readable for index in range(NUMBER)]
    assert features.dtype == np.float32
    assert features.tolist() == [[2 * value for value in color(index)] for index in readable]


@pytest.mark.parametrize(('batch_size', 'num_workers', 'world_size'), [
    (1, 0, 1), (2, 0, 1), (64, 0, 1), (2, 2, 1), (2, 0, 2), (2, 0, 5),
])
def test_each_image_gets_its_own(paths, tmp_path, batch_size, num_workers, world_size):
    check(embed(paths, tmp_path / 'parts', None, batch_size, num_workers, world_size))
    assert sorted(file.name for file in (tmp_path / 'parts').iterdir()) == [f'part_0000{part}.npz' for part in range(3)]


def test_ranks_share_the_parts(paths, tmp_path):
    """Together they make what one makes, and none makes a part of another's."""
    seen = []
    for rank in range(2):
        embedding = MeanColor()
        embed_shards(paths, embedding, tmp_path / 'two', 2, 0, CPU, rank, 2)
        seen.append(embedding.seen)
    assert seen == [[color(index) for index in (0, 1, 2, 6, 7)], [color(index) for index in (3, 4, 5)]]
    with pytest.raises(FileNotFoundError):
        load_shards(tmp_path / 'none', NUMBER)
    embed(paths, tmp_path / 'one')
    for file in (tmp_path / 'one').iterdir():
        with np.load(file) as one, np.load(tmp_path / 'two' / file.name) as two:
            np.testing.assert_equal(dict(two), dict(one))


def test_going_on_after_a_kill(paths, tmp_path):
    killed = MeanColor(die_at=5)
    with pytest.raises(KeyboardInterrupt):
        embed(paths, tmp_path / 'parts', killed)
    assert [file.name for file in (tmp_path / 'parts').iterdir()] == ['part_00000.npz']
    with pytest.raises(FileNotFoundError, match='part_00001'):
        load_shards(tmp_path / 'parts', NUMBER)
    resumed = MeanColor()
    check(embed(paths, tmp_path / 'parts', resumed))
    assert resumed.seen == [color(index) for index in range(3, NUMBER)]


def test_a_kill_while_writing_leaves_no_part(paths, tmp_path, monkeypatch):
    def die(file, **arrays):
        file.write_bytes(b'half')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, 'savez', die)
        with pytest.raises(KeyboardInterrupt):
            embed(paths, tmp_path / 'parts')
    assert list((tmp_path / 'parts').iterdir()) == []
    check(embed(paths, tmp_path / 'parts'))


def test_only_a_missing_part_is_made_again(paths, tmp_path):
    """With the embedding that is shipped."""
    embedding = build_embedding('colour-texture', 'default', 224, None, CPU)
    features, readable = embed(paths, tmp_path / 'parts', embedding)
    assert features.shape == (NUMBER, 78)
    assert readable.all()
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / 'parts').iterdir()}
    (tmp_path / 'parts/part_00001.npz').unlink()
    again, _ = embed(paths, tmp_path / 'parts', embedding, batch_size=1)
    np.testing.assert_array_equal(again, features)
    assert [file.name for file, time in times.items() if file.stat().st_mtime_ns != time] == ['part_00001.npz']


def test_broken_images_are_flagged(paths, tmp_path):  # fault 18
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = cv2.imencode('.jpg', noise)[1].tobytes()
    broken = {1: whole[:len(whole) // 2], 3: b'', 4: b'not found', 5: None}
    for index, data in broken.items():
        os.remove(paths[index])
        if data is not None:
            with open(paths[index], 'wb') as file:
                file.write(data)
    check(embed(paths, tmp_path / 'parts', batch_size=1), readable=[0, 2, 6, 7])
    check(embed(paths, tmp_path / 'others', num_workers=2), readable=[0, 2, 6, 7])


def test_a_repaired_image_is_embedded(paths, tmp_path):
    os.rename(paths[4], tmp_path / 'aside')
    check(embed(paths, tmp_path / 'parts'), readable=[0, 1, 2, 3, 5, 6, 7])
    os.rename(tmp_path / 'aside', paths[4])
    resumed = MeanColor()
    check(embed(paths, tmp_path / 'parts', resumed))
    assert resumed.seen == [color(index) for index in (3, 4, 5)]
    Image.new('RGB', (9, 9), 'black').save(paths[7])
    os.utime(paths[7], (0, 0))
    assert embed(paths, tmp_path / 'parts')[0][7].tolist() == [0, 0, 0]


def test_all_broken(paths, tmp_path):
    for path in paths:
        os.truncate(path, 20)
    with pytest.raises(ValueError, match='none of the 8 images could be read; check the folder of images'):
        embed(paths, tmp_path / 'parts')


@pytest.mark.parametrize('mode', ['L', 'P', 'RGBA', 'CMYK', '1'])
def test_other_kinds_of_images(tmp_path, mode):
    name = 'image.tif' if mode == 'CMYK' else 'image.png'
    Image.new('RGB', (20, 20), 'white').convert(mode).save(tmp_path / name)
    features, _ = embed([str(tmp_path / name)], tmp_path / 'parts')
    assert features.tolist() == [[510, 510, 510]]


def test_folders(paths, tmp_path):
    """The same images and embedding have the same folder, everything else another one."""
    weights = tmp_path / 'weights.pth'
    weights.write_text('old')
    folders = [cache_folder(tmp_path, listed, MeanColor(**description)) for listed, description in [
        (paths, {}), (paths[:-1], {}), (paths[::-1], {}), (paths, {'name': 'other'}), (paths, {'size': 224}),
        (paths, {'size': 448}), (paths, {'weights': 'none'}), (paths, {'weights': str(weights)})]]
    weights.write_text('newer')
    folders.append(cache_folder(tmp_path, paths, MeanColor(weights=str(weights))))
    os.utime(weights, (0, 0))
    folders.append(cache_folder(tmp_path, paths, MeanColor(weights=str(weights))))
    assert len(set(folders)) == len(folders)
    assert cache_folder(str(tmp_path), list(paths), MeanColor()) == folders[0]
    assert folders[0].parent == tmp_path
    assert folders[0].name.startswith('mean-color-')
    assert cache_folder(tmp_path, paths, MeanColor(name='timm:a/b')).parent == tmp_path


def test_parts_of_other_images_are_not_taken(paths, tmp_path):
    for listed in (paths, paths[::-1]):
        folder = cache_folder(tmp_path, listed, MeanColor())
        assert embed(listed, folder)[0][0].tolist() == [2 * value for value in color(0 if listed is paths else 7)]
    shutil.rmtree(folder)
    check(embed(paths, cache_folder(tmp_path, paths, MeanColor())))
