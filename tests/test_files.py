"""Output files are whole or not there (fault 26)."""

import os
import stat

import pytest

from imbdet.files import whole_file


def test_writes_and_makes_folders(tmp_path):
    with whole_file(tmp_path / 'a/b.json') as path:
        assert path.suffix == '.json'
        path.write_text('new')
    assert (tmp_path / 'a/b.json').read_text() == 'new'
    assert [entry.name for entry in (tmp_path / 'a').iterdir()] == ['b.json']
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / 'a/b.json').stat().st_mode) == 0o666 & ~umask


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / 'b.json').write_text('old')
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / 'b.json') as path:  # noqa: PT012
        path.write_text('half')
        raise KeyboardInterrupt
    assert (tmp_path / 'b.json').read_text() == 'old'
    assert [entry.name for entry in tmp_path.iterdir()] == ['b.json']
