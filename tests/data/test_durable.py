"""What is written is whole or absent, and what a killed process left goes, but nothing that is being written."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from image_generators.data import durable


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path):
    path = tmp_path / "new" / "file.txt"
    durable.write(path, "old")
    durable.write(path, "new ü")
    assert path.read_text(encoding="utf-8") == "new ü" and names(path.parent) == ["file.txt"]
    durable.write(path, b"\x00\r\n")
    assert path.read_bytes() == b"\x00\r\n"
    plain = tmp_path / "plain"
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode  # a server of another user may read it


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    durable.write(path, "old")

    def fail(source, target):
        assert source.read_text(encoding="utf-8") == "new"  # all of it is there before the name changes
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left") as error:
        durable.write(path, "new")
    assert str(path) in str(error.value) and ".partial" not in str(error.value)
    assert path.read_text() == "old" and names(tmp_path) == ["file.txt"]


def test_content_reaches_the_disk_before_the_name(tmp_path, monkeypatch):
    """After a power cut a renamed file whose content was not written out would be empty."""
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("sync"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("name"), replace(*paths)))
    durable.write(tmp_path / "file", "content")
    assert calls == ["sync", "name", "sync"]  # of the content, and of the folder that has the name


def in_child(function):
    """Runs it in a process of its own, whose id and exit code are returned."""
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(0)
    return child, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


def test_leftovers_of_a_killed_process_are_removed_and_match_no_pattern(tmp_path):
    durable.write(tmp_path / "table" / "network.weights.h5", "old")

    def half_a_file():
        with durable.writing(tmp_path / "table" / "network.weights.h5") as file:
            file.write(b"half")
            file.flush()
            kill_myself()

    def half_a_folder():
        with durable.new_folder(tmp_path / "1") as folder:
            (folder / "graph.json").write_text("half")
            kill_myself()

    for function in (half_a_file, half_a_folder):
        child, code = in_child(function)
        assert code == -signal.SIGKILL
        assert any(f".partial-{child}-" in path.name for path in tmp_path.rglob("*"))
    assert [path.name for path in tmp_path.glob("*/*.h5")] == ["network.weights.h5"]
    durable.sweep(tmp_path)
    assert names(tmp_path) == ["table"] and names(tmp_path / "table") == ["network.weights.h5"]
    assert (tmp_path / "table" / "network.weights.h5").read_text() == "old"


def test_files_of_a_running_process_are_not_removed(tmp_path):
    with durable.writing(tmp_path / "file") as file, durable.new_folder(tmp_path / "folder") as folder:
        file.write(b"content")
        (folder / "part").write_text("content")
        assert in_child(lambda: durable.sweep(tmp_path))[1] == 0
        durable.sweep(tmp_path)
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == ["file", "folder"] and (tmp_path / "file").read_bytes() == b"content"
    assert names(tmp_path / "folder") == ["part"]


def test_a_file_that_was_swept_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    lock, swept = durable.fcntl.flock, []

    def too_late(descriptor, how):
        if not swept:
            swept.extend(tmp_path.glob(".partial-*"))
            swept[0].unlink()
        lock(descriptor, how)

    monkeypatch.setattr(durable.fcntl, "flock", too_late)
    durable.write(tmp_path / "file", "content")
    assert len(swept) == 1 and (tmp_path / "file").read_text() == "content" and names(tmp_path) == ["file"]


def test_a_folder_replaces_none_and_a_failure_leaves_none(tmp_path):
    with durable.new_folder(tmp_path / "1") as folder:
        (folder / "file").write_text("first")
    with pytest.raises(OSError), durable.new_folder(tmp_path / "1") as folder:
        (folder / "file").write_text("second")
    with pytest.raises(ValueError), durable.new_folder(tmp_path / "2"):
        raise ValueError
    assert names(tmp_path) == ["1"] and (tmp_path / "1" / "file").read_text() == "first"


FULL = """
import sys
from image_generators.data import durable
try:
    durable.write(sys.argv[1], bytes(2_000_000))
except OSError as error:
    print(error)
"""


def test_a_full_disk_gives_an_error_with_the_file_name(tmp_path):
    """Here a process that may write no file above a megabyte."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # noqa: E731
    command = [sys.executable, "-c", FULL, str(tmp_path / "file")]
    ran = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert ran.returncode == 0 and ran.stdout == f"[Errno 27] File too large: '{tmp_path / 'file'}'\n", ran.stderr
    assert names(tmp_path) == []
