"""Work shared with other processes: the same results in the same order, whatever becomes of these processes."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from ridgeline.engine.vector.crew import Crew, helpers_of

# The work is `eval`: the one function of Python's own that can say in which process it runs.
EVAL = partial(map, eval)
WHERE = "__import__('time').sleep(0.005) or __import__('os').getpid()"
CHILD_ONLY = "__import__('time').sleep(0.005) or __import__('os').getpid() == {pid} or __import__('os')._exit(3)"


def test_results_come_in_the_order_of_the_items_whoever_worked_on_them():
    with Crew(EVAL, 2) as crew:
        found = list(crew.map(f"({number}, {WHERE})" for number in range(1500)))
    assert [number for number, _ in found] == list(range(1500))
    workers = {pid for _, pid in found}
    assert os.getpid() in workers
    assert len(workers) > 1


def test_few_items_start_no_process():
    with Crew(EVAL, 2) as crew:
        list(crew.map([WHERE] * 20))
        assert not _helpers()


def test_no_items_give_no_results():
    with Crew(EVAL, 1) as crew:
        assert list(crew.map([])) == []


def test_what_helpers_that_die_were_working_on_is_done_here():
    with Crew(EVAL, 2) as crew:
        found = list(crew.map([CHILD_ONLY.format(pid=os.getpid())] * 600))
    assert found == [True] * 600


@pytest.mark.parametrize("helpers", [0, 2])
def test_a_fault_is_raised_in_its_turn(helpers):
    with Crew(EVAL, helpers) as crew:
        found = crew.map([*["1"] * 700, "1 / 0", *["2"] * 300])
        assert [next(found) for _ in range(700)] == [1] * 700
        with pytest.raises(ZeroDivisionError):
            next(found)


def test_a_program_that_cannot_be_started_again_works_alone(monkeypatch):
    monkeypatch.setattr(sys, "executable", os.devnull)
    with Crew(EVAL, 2) as crew:
        assert set(crew.map([WHERE] * 300)) == {os.getpid()}


def test_leaving_in_the_middle_ends_the_processes_at_once():
    class Stop(Exception):
        pass

    def check():
        if _helpers():
            raise Stop

    with pytest.raises(Stop), Crew(EVAL, 2, check) as crew:
        list(crew.map(["__import__('time').sleep(0.05)"] * 500))
    assert not _helpers()


def test_helpers_end_when_the_process_they_help_is_killed():
    code = (
        "from functools import partial\nfrom ridgeline.engine.vector.crew import Crew\n"
        "with Crew(partial(map, eval), 1) as crew:\n"
        f" for pid in crew.map([{WHERE!r}] * 100_000): print(pid, flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        helper = next(pid for pid in map(int, process.stdout) if pid != process.pid)
    finally:
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(helper) and psutil.Process(helper).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the helper is still there"
        time.sleep(0.05)


@pytest.mark.parametrize(("threads", "helpers"), [(1, 0), (2, 1), (3, 2), (64, 4)])
def test_one_thread_wants_no_helpers_and_many_not_many(threads, helpers):
    assert helpers_of(threads) == helpers


def _helpers():
    found = []
    for child in psutil.Process().children():
        try:
            found += [child] if "helper" in child.cmdline() else []
        except psutil.NoSuchProcess:
            continue
    return found
