"""Files are complete or absent."""

import errno
import os

import pytest

from syphus.errors import InputError
from syphus.files import write_whole


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    synced = []
    sync = os.fsync

    def watch(number):
        sync(number)
        synced.append((os.fstat(number).st_size, (tmp_path / "out").exists()))

    monkeypatch.setattr(os, "fsync", watch)
    with write_whole(tmp_path / "out") as file:
        file.write(b"four")
    assert synced == [(4, False)]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "folder" / "out.txt"
    with write_whole(path) as file:
        file.write(b"one")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert names_in(path.parent) == ["out.txt"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), FileNotFoundError(2, "gone", "in.txt")])
def test_what_fails_leaves_the_old_file_and_no_rest(tmp_path, error):
    path = tmp_path / "out.txt"
    path.write_bytes(b"old")

    def fail():
        with write_whole(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["out.txt"]


def test_a_full_disk_is_told_and_leaves_no_rest(tmp_path):
    path = tmp_path / "out.txt"

    def fail():
        with write_whole(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=r"out\.txt: cannot be written: No space left on device\n  Free some space"):
        fail()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("place", ["file/out.txt", "folder"])
def test_a_place_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()

    def fail():
        with write_whole(tmp_path / place) as file:
            file.write(b"x")

    with pytest.raises(InputError, match="cannot be written") as caught:
        fail()
    assert caught.value.file == str(tmp_path / place)
    assert names_in(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_file_is_as_readable_as_others(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with write_whole(tmp_path / "out") as file:
        file.write(b"x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode
