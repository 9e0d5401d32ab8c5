"""Which checkpoint a training goes on from: whole ones only (fault 10), and with their seed (fault 8)."""

import os

import pytest
import torch
from mmengine.config import Config

from imbdet.cli.resume import check_complete, is_complete, prepare_resume


class Foreign:
    """What only a pickle can bring along."""


@pytest.fixture
def save(tmp_path):
    """A function that saves a checkpoint in the work directory, each later than the one before."""

    def write(name, content=None, size=None, note=True, **keys):
        path = tmp_path / name
        torch.save(content or {'meta': dict(epoch=1, iter=3, seed=7), 'state_dict': {'a': torch.zeros(100)}}, path, **keys)
        path.write_bytes(path.read_bytes()[:size])
        clock = len(list(tmp_path.iterdir()))
        os.utime(path, (clock, clock))
        if note:
            (tmp_path / 'last_checkpoint').write_text(str(path))
        return path

    return write


@pytest.fixture
def prepare(tmp_path):
    """A function that prepares a resume in the work directory and returns the seed of the config."""

    def run(**keys):
        cfg = Config({'work_dir': str(tmp_path), 'resume': True, **keys})
        prepare_resume(cfg)
        return cfg.get('randomness', {}).get('seed')

    return run


def test_every_cut_is_seen(save):
    whole = save('epoch_1.pth').read_bytes()
    path = save('epoch_2.pth')
    assert is_complete(path)
    for size in (0, 1, 2, 30, len(whole) // 2, len(whole) - 22, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not is_complete(path), size
        with pytest.raises(ValueError, match=r'epoch_2\.pth is not a complete checkpoint'):
            check_complete(path)
    path.write_bytes(b'\0' * len(whole))  # as some file systems leave it after a power cut
    assert not is_complete(path)
    assert not is_complete(path.with_name('none.pth'))


def test_what_cannot_be_seen_from_outside_is_left_to_torch(save, tmp_path):
    assert is_complete(save('old.pth', _use_new_zipfile_serialization=False))  # as torch before 1.6 wrote
    assert is_complete(tmp_path)  # DeepSpeed's are folders
    check_complete('https://example.org/weights.pth')
    with pytest.raises(FileNotFoundError, match='checkpoint not found: none'):
        check_complete('none.pth')


def test_nothing_to_resume(prepare, save):
    assert prepare() is None
    save('epoch_1.pth', size=100, note=False)  # killed in its first checkpoint
    assert prepare() is None
    assert prepare(randomness=dict(seed=3)) == 3


@pytest.mark.parametrize('keys', [{}, dict(randomness=dict(seed=None)), dict(randomness=dict(seed=3, deterministic=True))])
def test_the_seed_is_the_checkpoint_s(keys, prepare, save, capsys):
    path = save('epoch_1.pth')
    seed = keys.get('randomness', {}).get('seed')
    assert prepare(**keys) == 7
    assert capsys.readouterr().err == f'imbdet: resuming with the seed 7 of {path}; the seed of the config is {seed}\n'
    assert prepare(randomness=dict(seed=7)) == 7
    assert capsys.readouterr().err == ''


def test_one_rank_speaks(prepare, save, capsys, monkeypatch):
    save('epoch_1.pth')
    monkeypatch.setenv('RANK', '1')
    assert prepare() == 7
    assert capsys.readouterr().err == ''


def test_weights_to_start_from_bring_no_seed(prepare, save):
    path = save('weights.pth', {'state_dict': {}}, note=False)
    assert prepare(resume=False, load_from=str(path)) is None
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'weights\.pth is not a complete checkpoint'):
        prepare(resume=False, load_from=str(path))


def test_pickles_are_not_loaded(prepare, save, capsys):
    meta = dict(epoch=1, iter=3, seed=7)
    for content, keys in (({**meta, 'more': Foreign()}, {}), (meta, dict(_use_new_zipfile_serialization=False))):
        path = save('epoch_1.pth', {'meta': content}, **keys)
        assert prepare(randomness=dict(seed=3)) == 3
        assert f'the seed in {path} cannot be read (' in capsys.readouterr().err


def test_last_checkpoint_is_stale(prepare, save, tmp_path):
    for name in ('epoch_10.pth', 'epoch_9.pth', 'epoch_11.pth'):  # 9 is of a later training in the same folder
        path = save(name)
    save('other.pth', note=False)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf'{tmp_path}/last_checkpoint refers to {path}, which does not exist\. To '
                                                rf'use the newest complete checkpoint in the folder: --resume '
                                                rf'{tmp_path}/epoch_9\.pth'):
        prepare()
    (tmp_path / 'last_checkpoint').write_text('')
    with pytest.raises(ValueError, match=r'last_checkpoint is empty\. To use the newest .* --resume .*epoch_9\.pth'):
        prepare()
    (tmp_path / 'last_checkpoint').unlink()
    with pytest.raises(FileNotFoundError, match=r'last_checkpoint is missing, and a training from scratch would overwrite'):
        prepare()


def test_no_whole_checkpoint_is_left(prepare, save, tmp_path):  # max_keep_ckpts=1: mmengine removes before it writes
    save('iter_200.pth').unlink()
    save('iter_400.pth', size=1000, note=False)
    with pytest.raises(FileNotFoundError, match=rf'iter_200\.pth, which does not exist\. There is no complete epoch_\*\.pth or '
                                                rf'iter_\*\.pth in {tmp_path}; train from scratch, without --resume'):
        prepare()


def test_a_checkpoint_that_is_named(prepare, save, tmp_path):
    older = save('iter_200.pth')
    broken = save('iter_400.pth', size=1000)
    for folder in (tmp_path, 'elsewhere'):
        with pytest.raises(ValueError, match=rf'iter_400\.pth is not a complete checkpoint.* --resume {older}'):
            prepare(load_from=str(broken), work_dir=str(folder))
    with pytest.raises(FileNotFoundError, match=rf'checkpoint not found: {tmp_path}/iter_1\.pth\. .* --resume {older}'):
        prepare(load_from=str(tmp_path / 'iter_1.pth'))
    assert prepare(load_from=str(older)) == 7
    assert prepare(load_from='s3://elsewhere/iter_1.pth') is None


@pytest.mark.parametrize('content', [{'a': torch.zeros(2)}, {'state_dict': {}, 'meta': {}}, [torch.zeros(2)]])
def test_weights_alone_are_no_training(content, prepare, save):
    path = save('epoch_1.pth', content)
    with pytest.raises(ValueError, match=rf'{path} has no training to resume.*--cfg-options load_from={path}'):
        prepare()
