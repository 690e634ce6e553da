"""What can be done with models: every function asks the engine, and is run in the background."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from ....engine.jobs import Progress
from ....engine.jobs.models import ImportModelJob
from ....engine.jobs.selftest import SelftestJob
from ...engine_link.command import ask_engine
from ...engine_link.engine import ready_engine
from ...engine_link.run_job import Listener, run_job
from .background import BackgroundWork


class _Bar(Listener):
    """Moves the bar of a piece of background work."""

    def __init__(self, work: BackgroundWork) -> None:
        self._work = work

    def progress(self, event: Progress) -> None:
        """The engine has come further."""
        share = min(1.0, event.done / event.total) if event.total > 0 else 0.0
        self._work.report(100 * share, f"{event.phase[:1].upper()}{event.phase[1:]} …")


def import_model(work: BackgroundWork, job: ImportModelJob) -> Dict[str, Any]:
    """Bring a model into the user's library and return what it says of itself.

    Raises:
        RidgelineError: what is wrong with the model, by field; (OUTPUT_EXISTS) if the library holds that name.
    """
    return run_job(ready_engine(), "models import", job, _Bar(work), work.is_cancelled).summary


def probe_network(work: BackgroundWork, path: str) -> Dict[str, Any]:
    """Return what a bare ONNX file takes and gives: ``deepness``, ``inputs``, ``outputs``, ``fixed``, ``side``."""
    answer = ask_engine(ready_engine(), ["models", "probe", path], work.is_cancelled)
    return dict(answer)


def export_model(work: BackgroundWork, name: str, path: str) -> str:
    """Write a model as a zip and return where it is; a file of that name is replaced."""
    arguments = ["models", "export", name, "--out", path, "--overwrite", "--json"]
    return str(ask_engine(ready_engine(), arguments, work.is_cancelled)["path"])


def remove_model(work: BackgroundWork, name: str) -> str:
    """Remove a model from the user's library and return where it was."""
    return str(ask_engine(ready_engine(), ["models", "remove", name, "--json"], work.is_cancelled)["removed"])


def verify_model(work: BackgroundWork, name: str) -> List[str]:
    """Check a model's files, hashes and fields, run it once, and return its faults; none: it is in order."""
    answer = ask_engine(ready_engine(), ["models", "verify", name, "--json"], work.is_cancelled)
    return [str(fault) for item in answer for fault in item["faults"]]


def try_model(work: BackgroundWork, name: str) -> Dict[str, Any]:
    """Run a model over the sample area.

    Returns:
        ``outputs`` (paths by kind) and ``summary`` of the self-test.
    """
    folder = Path(tempfile.mkdtemp(prefix="ridgeline-sample-"))
    try:
        job = SelftestJob(model=name, out=str(folder))
        result = run_job(ready_engine(), "selftest", job, _Bar(work), work.is_cancelled)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"outputs": result.outputs, "summary": result.summary}
