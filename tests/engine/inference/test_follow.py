"""Work that follows another gets rows when they are finished, and ends when nobody wants it any more."""

import threading

import pytest

from ridgeline.engine.inference.follow import Follower
from ridgeline.engine.jobs import Cancelled


def test_the_work_gets_rows_only_once_they_are_finished():
    seen, first = [], threading.Event()

    def work(rows):
        for end in (3, 6, 9):
            rows.wait_for(end)
            seen.append(end)
            first.set()
        return "all"

    polled = []
    with Follower(work, "test") as follower:
        follower.advance(4)
        assert first.wait(10)
        assert seen == [3]
        threading.Timer(0.3, follower.advance, [9]).start()
        assert follower.result(polled.append) == "all"
    assert seen == [3, 6, 9]
    assert polled and polled[0] == 3


def test_what_the_work_raises_is_raised_where_rows_are_told_and_where_the_result_is_asked_for():
    failed = threading.Event()

    def work(rows):
        rows.wait_for(1)
        failed.set()
        raise OSError("the disk")

    with Follower(work, "test") as follower:
        follower.advance(1)
        assert failed.wait(10)
        with pytest.raises(OSError, match="the disk"):
            follower.result(lambda _rows: None)
        with pytest.raises(OSError, match="the disk"):
            follower.advance(2)


def test_leaving_ends_work_that_waits_and_work_that_asks():
    ended = []

    def waiting(rows):
        try:
            rows.wait_for(10)
        finally:
            ended.append("waiting")

    def busy(rows):
        try:
            while True:
                rows.check()
        except Cancelled:
            ended.append("busy")
            raise

    for work in (waiting, busy):
        with pytest.raises(KeyError), Follower(work, "test"):
            raise KeyError
    assert ended == ["waiting", "busy"]


def test_a_wish_to_stop_ends_the_wait_for_the_result():
    def poll(_rows):
        raise Cancelled

    with pytest.raises(Cancelled), Follower(lambda rows: rows.wait_for(1), "test") as follower:
        follower.result(poll)
