"""Start a child so that it and all it starts can be ended together, and end them; on POSIX and on Windows.

Nothing here waits: callers poll the process, so that QGIS's threads are never blocked by a child.
"""

import os
import signal
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Sequence

CREATE_NEW_PROCESS_GROUP = 0x00000200
CREATE_NO_WINDOW = 0x08000000


def start(
    command: Sequence[str], environment: Mapping[str, str], folder: str, keep_input: bool, platform: str = sys.platform
) -> "subprocess.Popen[bytes]":
    """Start ``command`` in a process group of its own, without any window, all three streams as pipes.

    Args:
        command: program and arguments; never given to a shell.
        environment: all variables of the child.
        folder: working folder of the child.
        keep_input: whether its standard input is a pipe that the caller keeps; else it is empty.
        platform: as ``sys.platform``.

    Raises:
        OSError: if the program cannot be started.
    """
    return subprocess.Popen(  # nosec B603: a list, no shell; its program is the engine's own Python
        list(command),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.PIPE if keep_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **start_options(platform),
    )


def start_options(platform: str = sys.platform) -> Dict[str, Any]:
    """Return the arguments of ``Popen`` that give the child a group of its own and no console window."""
    if platform == "win32":
        return {"creationflags": CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW}
    return {"start_new_session": True}


def end_tree(process: "subprocess.Popen[bytes]", force: bool, platform: str = sys.platform) -> None:
    """Ask the child and all its descendants to end, or with ``force`` end them.

    Windows has no polite way for a process without a window, so the tree is ended at once there; the engine was asked
    on its standard input before.
    """
    if platform == "win32":
        subprocess.run(  # nosec B603: a list, no shell; the system's own program and a number
            taskkill_command(process.pid, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=CREATE_NO_WINDOW,
            check=False,
        )
        if process.poll() is None:
            process.kill()  # where policy forbids taskkill, at least the engine itself goes
        return
    try:
        # the child leads its own session (start_options), so its process id is its group's
        os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
    except ProcessLookupError:
        pass  # the whole group has ended already
    except PermissionError:
        # macOS answers so for a group of which only the zombie of the leader is left
        if process.poll() is None:
            raise


def taskkill_command(pid: int, environment: Mapping[str, str]) -> List[str]:
    """Return the Windows command that ends the process ``pid`` and its descendants."""
    root = environment.get("SystemRoot") or environment.get("SYSTEMROOT") or r"C:\Windows"
    return [root + r"\System32\taskkill.exe", "/T", "/F", "/PID", str(pid)]
