"""Whether this computer has an NVIDIA GPU whose driver works."""

import os
import shutil
import sys
from typing import Callable, Mapping, Optional

from .run_tool import ToolRun, run_tool


def nvidia_smi_path(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Optional[str]:
    """Return the path of the driver's own program, or None if no driver is installed."""
    if platform == "darwin":
        return None
    if platform == "win32":
        root, programs = environment.get("SystemRoot", r"C:\Windows"), environment.get("ProgramFiles", "")
        places = [os.path.join(root, "System32", "nvidia-smi.exe")]
        if programs:
            places.append(os.path.join(programs, "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe"))
        return next((place for place in places if os.path.isfile(place)), None)
    return shutil.which("nvidia-smi", path=environment.get("PATH")) or shutil.which("nvidia-smi")


def nvidia_gpu(
    environment: Mapping[str, str],
    path: Optional[str] = None,
    run: Callable[..., ToolRun] = run_tool,
) -> Optional[str]:
    """Return name and driver version of the first NVIDIA GPU, or None if there is none that works.

    Args:
        environment: variables for the probe.
        path: path of ``nvidia-smi``; None: look for it.
        run: how programs are run.
    """
    path = path or nvidia_smi_path()
    if path is None:
        return None
    try:
        answer = run([path, "--query-gpu=name,driver_version", "--format=csv,noheader"], environment, silence_s=20.0)
    except OSError:
        return None
    lines = [line.strip() for line in answer.output.splitlines() if line.strip()]
    return lines[0] if answer.status == 0 and lines and "," in lines[0] else None
