"""Check that a Python can run the engine: import all it needs, in a child, and read the versions."""

import json
from typing import Callable, Dict, Mapping, Sequence

from ...engine.jobs import ErrorCode, RidgelineError
from ..i18n import tr
from ..settings import ENGINE_PYTHON, write_setting
from .environment import import_test
from .faults import classify, explain
from .requirements import INFERENCE, requirement_set
from .run_tool import ToolRun, run_tool

VERIFY_SILENCE_S = 180.0
"""The first import after an installation may be slow: the antivirus reads every file."""


def verify_python(
    python: str,
    modules: Sequence[str],
    environment: Mapping[str, str],
    log: Callable[[str], None] = lambda line: None,
    cancelled: Callable[[], bool] = lambda: False,
    run: Callable[..., ToolRun] = run_tool,
) -> Dict[str, str]:
    """Return the version of Python and of each of ``modules`` as ``python`` imports them.

    Raises:
        Cancelled: if ``cancelled`` said so.
        RidgelineError: (ENGINE_NOT_READY) naming the module that cannot be imported.
    """
    program = import_test(list(modules))
    try:
        answer = run([python, "-I", "-c", program], environment, log, cancelled, silence_s=VERIFY_SILENCE_S)
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.ENGINE_NOT_READY,
            tr("{path} cannot be started: {fault}.", path=python, fault=fault),
            tr("Choose a Python program, such as …/bin/python or …\\python.exe."),
        ) from fault
    try:
        if answer.status == 0:
            return {str(name): str(value) for name, value in json.loads(answer.output.splitlines()[-1]).items()}
    except (ValueError, IndexError, AttributeError):
        pass  # a program that is no Python prints something else: told below
    raise _import_fault(python, answer)


def use_existing_python(python: str, environment: Mapping[str, str]) -> Dict[str, str]:
    """Check a Python of the user's own and remember it; returns the versions that were found.

    Raises:
        RidgelineError: (ENGINE_NOT_READY) naming what it lacks; then nothing is remembered.
    """
    versions = verify_python(python, requirement_set(INFERENCE).modules, environment)
    numbers = tuple(int(part) for part in versions["python"].split(".")[:2])
    if numbers < (3, 11):
        raise RidgelineError(
            ErrorCode.ENGINE_NOT_READY,
            tr("{path} is Python {version}; the engine needs 3.11 or newer.", path=python, version=versions["python"]),
            tr("Choose another Python, or use Set up."),
        )
    write_setting(ENGINE_PYTHON, python)
    return versions


def forget_existing_python() -> None:
    """Go back to the environment that the plugin makes."""
    write_setting(ENGINE_PYTHON, None)


def _import_fault(python: str, answer: ToolRun) -> RidgelineError:
    known = classify(answer.output)
    if known is not None and known.name in ("policy", "disk_full", "memory"):
        return RidgelineError(known.code, *explain(known.name))
    lines = [line for line in answer.output.splitlines() if line.strip()]
    reason = lines[-1][:300] if lines else tr("exit status {status}", status=answer.status)
    return RidgelineError(
        ErrorCode.ENGINE_NOT_READY,
        tr("{path} cannot run the engine: {reason}", path=python, reason=reason),
        tr("Use Set up or Repair, or install what the plugin's file resources/requirements/inference.txt lists."),
    )
