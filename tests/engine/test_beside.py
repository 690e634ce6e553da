"""A thread beside that cannot start is not waited for."""

import _thread
import threading

import pytest

from ridgeline.engine.beside import Beside


def test_work_is_done_beside_and_waited_for():
    where, begun, go = [], threading.Event(), threading.Event()

    def work():
        begun.set()
        go.wait(5)
        where.append(threading.get_ident())

    beside = Beside(work)
    assert begun.wait(30)
    threading.Timer(0.2, go.set).start()  # join must wait for it
    beside.join()
    assert where and where[0] != threading.get_ident()


@pytest.mark.parametrize("fault", [None, RuntimeError("can't start new thread"), MemoryError()])
def test_a_thread_that_never_takes_its_first_step_is_not_waited_for(monkeypatch, fault):
    def start(run, args):
        if fault is not None:
            raise fault

    monkeypatch.setattr(_thread, "start_new_thread", start)
    done = []
    Beside(lambda: done.append(1)).join()
    assert done == []


def test_work_that_has_not_begun_when_it_is_over_never_does(monkeypatch):
    late = []
    monkeypatch.setattr(_thread, "start_new_thread", lambda run, args: late.append(run))
    done = []
    Beside(lambda: done.append(1)).join()
    late[0]()
    assert done == []
