"""What the exit status of an engine that ended without a word means, in a sentence."""

from typing import Tuple

from ..i18n import tr

ACCESS_VIOLATION = 3221225477
DLL_MISSING = 3221225781
DLL_INIT_FAILED = 3221225794
CONTROL_C = 3221225786


_LONGEST = 300
_MEMORY_WORDS = ("out of memory", "cannot allocate memory", "bad_alloc", "failed to map segment")


def explain_exit(status: int, log: str = "", command: str = "segment") -> Tuple[str, str]:
    """Return a sentence and a hint for the exit status of an engine that gave neither result nor error.

    Args:
        status: as ``subprocess`` gives it: negative for a signal on POSIX, an unsigned 32-bit number on Windows.
        log: what the engine logged last; a library that ends the process for lack of memory says so there.
        command: what the engine was asked for, which decides what would help.
    """
    status = status & 0xFFFFFFFF if status < -1000 else status  # some Pythons give Windows codes as signed numbers
    ended_itself = status in (-6, 134, 127) and any(words in log.lower() for words in _MEMORY_WORDS)
    if ended_itself:
        return (
            tr("The engine ended because memory ran out."),
            _spare_memory(command),
        )
    if status in (-9, 137):
        return (
            tr("The engine was ended by the operating system, most likely because memory ran out."),
            _spare_memory(command),
        )
    if status in (-15, 143, CONTROL_C):
        return tr("The engine was ended from outside."), tr("Run it again: it continues where it stopped.")
    if status in (ACCESS_VIOLATION, -11, 139):
        return (
            tr("The engine crashed inside one of its libraries."),
            _after_crash(command),
        )
    if status in (DLL_MISSING, DLL_INIT_FAILED):
        return (
            tr("A system library that the engine needs is missing."),
            tr("Install Microsoft's “Visual C++ Redistributable 2015–2022” (x64), then use Repair on the Engine page."),
        )
    if status in (-4, 132):
        return (
            tr("This processor lacks an instruction that the engine's libraries need."),
            tr("Use a newer machine, or a Python of your own with libraries built for this processor."),
        )
    return (
        tr("The engine ended unexpectedly (exit status {status}).", status=status),
        tr("Run it again; if it stays so, use Check on the Engine page and copy the diagnostics."),
    )


def last_words(log: str) -> str:
    """Return the last line of a log that says something: no warning, nor the code that Python quotes with it."""
    lines = (line for line in reversed(log.splitlines()) if line.strip() and not line.startswith(" "))
    return next((line[:_LONGEST] for line in lines if "Warning: " not in line), "")


def _spare_memory(command: str) -> str:
    if command == "finetune":
        return tr(
            "Close other programs and run it again: a training goes on from its last validation. If it stays so, let "
            "only the last layers learn, or choose a smaller labelled area."
        )
    if command == "evaluate":
        return tr("Close other programs, choose true polygons or an area of a smaller place, and run it again.")
    return tr("Close other programs, choose a smaller region or larger pixels under Advanced, and run it again.")


def _after_crash(command: str) -> str:
    if command == "finetune":
        return tr(
            "Run it again: a training goes on from its last validation. If it stays so, use Repair on the Engine page."
        )
    return tr("Run it again on the processor (Advanced ▸ Compute on). If it stays so, use Repair on the Engine page.")
