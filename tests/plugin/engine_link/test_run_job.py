"""A job in a process of its own: every way in which it can end."""

import os
import sys
import threading
import time
from pathlib import Path

import fake_engines
import pytest

from ridgeline.engine.jobs import Cancelled, ErrorCode, RidgelineError
from ridgeline.plugin.engine_link.run_job import Listener, run_job


class Recorder(Listener):
    def __init__(self):
        self.phases, self.warnings, self.silences, self.log, self.began = [], [], [], "", threading.Event()

    def started(self, event):
        self.began.set()

    def progress(self, event):
        self.phases.append((event.phase, event.done, event.eta_s))

    def warning(self, event):
        self.warnings.append(event.message)

    def silent(self, seconds):
        self.silences.append(seconds)

    def finished_log(self, log):
        self.log = log


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a zombie waits for its parent, but runs no more
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid):
    for _ in range(50):
        if not alive(pid):
            return True
        time.sleep(0.1)
    return False


def test_a_job_crosses_and_its_result_comes_back(fake_engine, some_job):
    recorder = Recorder()
    result = run_job(fake_engine(fake_engines.WELL_BEHAVED), "segment", some_job, recorder)
    assert result.outputs == {"buildings": some_job.out + "/buildings.gpkg"}
    assert recorder.phases == [("tiles", 1, 1.5), ("tiles", 2, 1.5), ("tiles", 3, 1.5)]
    assert recorder.warnings == ["The region is small."]
    assert "some library prints this" in recorder.log
    assert "and this on the wrong stream" in recorder.log


def test_the_engine_is_isolated_from_qgis(fake_engine, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/qgis/python")
    monkeypatch.setenv("GDAL_DATA", "/opt/qgis/gdal")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/qgis/lib")
    told = run_job(fake_engine(fake_engines.TELLS_ITSELF), "selftest", None).summary
    assert told["argv"] == ["selftest", "--events"]
    assert told["flags"] == [1, 1]
    assert "/opt/qgis/python" not in told["path"]
    assert not {"PYTHONPATH", "GDAL_DATA", "LD_LIBRARY_PATH", "QT_QPA_PLATFORM"} & set(told["environment"])


def test_after_a_run_qgis_is_what_it_was(fake_engine, some_job):
    before = (list(sys.path), dict(os.environ), os.getcwd(), set(sys.modules))
    run_job(fake_engine(fake_engines.WELL_BEHAVED), "segment", some_job)
    assert (list(sys.path), dict(os.environ), os.getcwd()) == before[:3]
    added = {name.split(".")[0] for name in set(sys.modules) - before[3]}
    assert added <= set(sys.stdlib_module_names)


def test_an_error_of_the_engine_is_passed_on_as_it_is(fake_engine, some_job):
    with pytest.raises(RidgelineError) as caught:
        run_job(fake_engine(fake_engines.FAILS), "segment", some_job)
    assert caught.value.code is ErrorCode.NO_OVERLAP
    assert caught.value.message == "“ortho” and “dsm” do not overlap."
    assert caught.value.hint == "Choose layers of one place."


def test_a_killed_engine_is_explained_with_its_last_words(fake_engine, some_job):
    with pytest.raises(RidgelineError) as caught:
        run_job(fake_engine(fake_engines.DIES), "segment", some_job)
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert "memory" in caught.value.message
    assert "RuntimeError: the last words" in caught.value.hint


def test_cancel_is_asked_for_first(fake_engine, some_job):
    recorder = Recorder()
    with pytest.raises(Cancelled):
        run_job(
            fake_engine(fake_engines.WAITS_FOR_CANCEL), "segment", some_job, recorder, recorder.began.is_set,
            terminate_after_s=30,
        )  # fmt: skip


def test_an_engine_that_ignores_cancel_goes_with_all_it_started(fake_engine, some_job):
    recorder = Recorder()
    with pytest.raises(Cancelled):
        run_job(
            fake_engine(fake_engines.IGNORES_EVERYTHING), "segment", some_job, recorder, recorder.began.is_set,
            terminate_after_s=0.3, kill_after_s=0.3,
        )  # fmt: skip
    pids = [int(word) for word in Path(some_job.out).read_text().split()]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_an_engine_ends_when_its_qgis_is_gone(fake_engine, tmp_path):
    process = fake_engine(fake_engines.WAITS_FOR_CANCEL).start(["segment", "--events"], str(tmp_path))
    assert process.next_event(10).job == "segment"
    process._process.stdin.close()  # what the operating system does when QGIS dies
    assert process.wait(10) == 130
    process.end()


def test_floods_on_both_streams_neither_block_nor_fill_memory(fake_engine, some_job):
    recorder = Recorder()
    run_job(fake_engine(fake_engines.FLOODS), "segment", some_job, recorder)
    assert len(recorder.log) < 1_000_000


def test_silence_is_told_and_waited_through(fake_engine, some_job):
    recorder = Recorder()
    run_job(fake_engine(fake_engines.SILENT), "segment", some_job, recorder, silence_s=0.3)
    assert recorder.silences and recorder.silences[0] >= 0.3


def test_another_protocol_is_refused_and_its_engine_ended(fake_engine, some_job):
    with pytest.raises(RidgelineError) as caught:
        run_job(fake_engine(fake_engines.OTHER_PROTOCOL), "segment", some_job)
    assert caught.value.code is ErrorCode.ENGINE_NOT_READY


def test_an_engine_that_lingers_after_its_result_is_ended(fake_engine, some_job, monkeypatch):
    monkeypatch.setattr("ridgeline.plugin.engine_link.run_job.LINGER_S", 0.3)
    assert run_job(fake_engine(fake_engines.LINGERS), "segment", some_job, kill_after_s=0.3).outputs == {"a": "b"}


def test_a_python_that_is_gone_is_told_in_one_sentence(some_job):
    from ridgeline.plugin.engine_link.engine import Engine

    with pytest.raises(RidgelineError) as caught:
        run_job(Engine("/no/such/python"), "segment", some_job)
    assert caught.value.code is ErrorCode.ENGINE_NOT_READY
    assert "/no/such/python" in caught.value.message


def test_the_job_file_is_removed_and_private(fake_engine, some_job):
    body = """
    import stat
    file = sys.argv[sys.argv.index("--job") + 1]
    say("result", outputs={"file": file}, summary={"mode": stat.S_IMODE(os.stat(file).st_mode)})
    """
    result = run_job(fake_engine(body), "segment", some_job)
    assert result.summary["mode"] == 0o600
    assert not Path(result.outputs["file"]).exists()
