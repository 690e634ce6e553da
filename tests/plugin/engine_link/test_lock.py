"""Only one window installs at a time, and a dead one blocks nobody."""

import subprocess
import sys
import threading
import types

import pytest

from ridgeline.engine.jobs import Cancelled, RidgelineError
from ridgeline.plugin.engine_link import lock
from ridgeline.plugin.engine_link.lock import InstallLock


def test_a_second_window_waits_and_is_told_who_holds_the_lock(tmp_path):
    told, order = [], []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with InstallLock(tmp_path):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)

    def waiting(holder):
        told.append(holder)
        leave.set()

    with InstallLock(tmp_path, waiting):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert len(told) == 1 and "process" in told[0]


def test_waiting_can_be_cancelled(tmp_path):
    with InstallLock(tmp_path), pytest.raises(Cancelled), InstallLock(tmp_path, cancelled=lambda: True):
        pass
    with InstallLock(tmp_path):
        pass


def test_a_window_that_was_killed_leaves_no_lock(tmp_path):
    program = f"""
import fcntl, time
handle = open({str(tmp_path / "install.lock")!r}, "a+b")
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    told = []
    with (
        pytest.raises(Cancelled),
        InstallLock(tmp_path, told.append, cancelled=lambda: bool(told)),
    ):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    with InstallLock(tmp_path):
        pass


def test_windows_locks_one_byte(tmp_path, monkeypatch):
    held = set()

    def locking(descriptor, mode, count):
        assert count == 1
        if mode == 1 and held:
            raise OSError(36, "Resource deadlock avoided")
        held.add("x") if mode == 1 else held.clear()

    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=1, LK_UNLCK=0))
    with InstallLock(tmp_path):
        with pytest.raises(Cancelled), InstallLock(tmp_path, cancelled=lambda: True):
            pass
        assert held
    assert not held


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RidgelineError) as caught, InstallLock(tmp_path / "file" / "engine"):
        pass
    assert "cannot be written" in caught.value.message
