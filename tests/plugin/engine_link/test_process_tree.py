"""Starting and ending process trees on Windows and POSIX; Windows is faked."""

import signal
import subprocess

import pytest

from ridgeline.plugin.engine_link import process_tree
from ridgeline.plugin.engine_link.exit_codes import explain_exit, last_words


class FakeProcess:
    pid = 4321

    def __init__(self, running):
        self.running, self.killed = running, False

    def poll(self):
        return None if self.running else 0

    def kill(self):
        self.killed = True


def test_windows_shows_no_console_and_gets_a_group():
    flags = process_tree.start_options("win32")["creationflags"]
    assert flags & 0x08000000 and flags & 0x00000200
    assert "start_new_session" not in process_tree.start_options("win32")


def test_posix_gets_a_session():
    assert process_tree.start_options("linux") == {"start_new_session": True}
    assert process_tree.start_options("darwin") == {"start_new_session": True}


@pytest.mark.parametrize("still_running", [True, False])
def test_windows_ends_the_whole_tree_without_a_window(monkeypatch, still_running):
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append((command, options)))
    monkeypatch.setenv("SystemRoot", "D:\\Windows")
    process = FakeProcess(still_running)
    process_tree.end_tree(process, force=False, platform="win32")
    command, options = calls[0]
    assert command == ["D:\\Windows\\System32\\taskkill.exe", "/T", "/F", "/PID", "4321"]
    assert options["creationflags"] == 0x08000000
    assert "shell" not in options
    assert process.killed == still_running


@pytest.mark.parametrize(("force", "expected"), [(False, signal.SIGTERM), (True, signal.SIGKILL)])
def test_posix_signals_the_group(monkeypatch, force, expected):
    sent = []
    monkeypatch.setattr("os.killpg", lambda group, number: sent.append((group, number)))
    process_tree.end_tree(FakeProcess(True), force=force, platform="darwin")
    assert sent == [(4321, expected)]


def test_macos_answers_no_permission_for_a_group_of_zombies(monkeypatch):
    def refuse(group, number):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.killpg", refuse)
    process_tree.end_tree(FakeProcess(False), force=True, platform="darwin")
    with pytest.raises(PermissionError):
        process_tree.end_tree(FakeProcess(True), force=True, platform="darwin")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (-9, "memory"),
        (137, "memory"),
        (-15, "outside"),
        (3221225477, "crashed"),
        (3221225477 - 2**32, "crashed"),
        (-11, "crashed"),
        (3221225781, "system library"),
        (-4, "processor"),
        (77, "77"),
    ],
)
def test_exit_codes_are_explained(status, word):
    sentence, hint = explain_exit(status)
    assert word in sentence and sentence.endswith(".")
    assert hint.endswith(".")


@pytest.mark.parametrize("command", ["segment", "finetune"])
@pytest.mark.parametrize("status", [-9, -11, -6])
def test_what_would_help_is_on_the_page_that_ran_it(command, status):
    hint = explain_exit(status, "out of memory", command)[1]
    assert ("Advanced" in hint) == (command == "segment"), hint
    assert ("last validation" in hint) == (command == "finetune"), hint


def test_a_library_that_ends_the_engine_for_lack_of_memory_is_understood():
    log = "FATAL: CPLMalloc(): Out of memory allocating a small number of bytes."
    assert "memory ran out" in explain_exit(-6, log)[0]
    assert "memory ran out" in explain_exit(127, "cannot allocate memory for thread-local data: ABORT")[0]
    assert "memory" not in explain_exit(-6, "terminate called without an active exception")[0]


def test_last_words_are_no_warning_and_no_code():
    noise = "ridge/warp.py:387: NotGeoreferencedWarning: Dataset has no geotransform.\n  dest = _reproject(\n\n"
    assert last_words("OSError: the disk is gone\n" + noise) == "OSError: the disk is gone"
    assert last_words(noise) == "" == last_words("")
    assert last_words("x" * 5000) == "x" * 300
