"""Starts the real QGIS desktop under Xvfb with a profile of its own and runs one journey in it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INI = """[UI]
allowVersionCheck=false
UITheme={theme}
[qgis]
checkVersion=false
newsFeedEnabled=false
showTips=false
projOpenAtLaunch=0
[app]
askToSaveProjectChanges=false
[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true
[locale]
userLocale=en
overrideFlag=true
"""


@dataclass(frozen=True)
class Outcome:
    """How a journey ended: its own words, and where its pictures lie."""

    ok: bool
    fault: str
    facts: dict[str, object] = field(default_factory=dict)
    log: str = ""


def missing() -> Optional[str]:
    """Return what this machine lacks for journeys, or None."""
    for program in ("qgis", "xvfb-run"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return None


def engine_python() -> Path:
    """Return the Python that journeys use as an engine of one's own."""
    return Path(os.environ.get("RIDGELINE_JOURNEY_PYTHON", ROOT / ".venv" / "bin" / "python"))


def run_journey(
    name: str,
    out: Path,
    screen: str = "1366x768",
    theme: str = "default",
    timeout_s: float = 300,
    variables: Optional[dict[str, str]] = None,
    home: Optional[Path] = None,
) -> Outcome:
    """Run the journey ``journey_<name>.py`` and return how it ended; screenshots are left in ``out``.

    ``home`` keeps settings from one journey to the next; without it each has a new one.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="ridgeline-journey-") as new_home:
        home = str(home or new_home)
        profile = Path(home) / "profiles" / "profiles" / "default"
        if not profile.is_dir():
            (profile / "python" / "plugins").mkdir(parents=True)
            (profile / "QGIS").mkdir()
            (profile / "QGIS" / "QGIS3.ini").write_text(INI.format(theme=theme), encoding="utf-8")
            (profile / "python" / "plugins" / "ridgeline").symlink_to(ROOT)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("QT_", "PYTHON"))}
        environment.update(
            HOME=home,
            PATH=_SYSTEM_PATH,  # QGIS's Python looks for its home by the first python3 of PATH
            XDG_DATA_HOME=str(Path(home) / "share"),
            XDG_RUNTIME_DIR=home,
            PYTHONPYCACHEPREFIX=str(Path(home) / "pycache"),
            OMP_NUM_THREADS="1",
            LC_ALL="C.UTF-8",
            RIDGELINE_JOURNEY=name,
            RIDGELINE_JOURNEY_OUT=str(out),
            RIDGELINE_JOURNEY_SCRIPTS=str(HERE),
            RIDGELINE_JOURNEY_TIMEOUT=str(timeout_s),
            RIDGELINE_JOURNEY_SCREEN=screen,
            RIDGELINE_JOURNEY_PYTHON=str(engine_python()),
            RIDGELINE_ENGINE_DIR=str(Path(home) / "engine"),
        )
        environment.update(variables or {})
        command = ["xvfb-run", "-a", "-s", f"-screen 0 {screen}x24 -dpi 96", "qgis", "--noversioncheck", "--nologo"]
        command += ["--profiles-path", str(Path(home) / "profiles"), "--code", str(HERE / "bootstrap.py")]
        log = _run(command, environment, timeout_s)
    result = out / "result.json"
    if not result.is_file():
        return Outcome(False, f"the journey {name} did not end within {timeout_s} s, or QGIS crashed", log=log)
    data = json.loads(result.read_text(encoding="utf-8"))
    return Outcome(bool(data["ok"]), str(data.get("fault", "")), dict(data.get("facts", {})), log)


def _run(command, environment, timeout_s) -> str:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        log, _none = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        log, _none = process.communicate()
    return log[-20_000:]
