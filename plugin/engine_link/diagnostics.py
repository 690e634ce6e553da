"""A report for people who help, as Markdown, without names of users, computers or home folders, or passwords."""

import getpass
import os
import platform as platform_module
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Dict, List, Optional

from qgis.core import Qgis
from qgis.PyQt.QtCore import QT_VERSION_STR

from ...engine.jobs import RidgelineError
from ..paths import plugin_version
from .child_environment import child_environment
from .environment import engine_home, engine_state
from .gpu import nvidia_gpu
from .host import proxy_variables, qgis_folders
from .requirements import INFERENCE, TRAIN, requirement_set
from .setup import LOG_NAME
from .verify import verify_python

_LOG_TAIL = 60


def diagnostics(last_error: str = "", engine_log: str = "") -> str:
    """Return the report; starts the engine's Python once, to read the versions of its libraries.

    Args:
        last_error: the message of the last run that failed.
        engine_log: the end of that run's log.
    """
    state, home = engine_state(), engine_home()
    environment = child_environment(os.environ, {}, qgis_folders())
    rows: Dict[str, str] = {
        "Ridgeline": plugin_version(),
        "QGIS": Qgis.QGIS_VERSION,
        "Qt": QT_VERSION_STR,
        "QGIS's Python": sys.version.split()[0],
        "System": f"{platform_module.system()} {platform_module.release()} {platform_module.machine()}",
        "Processors": str(os.cpu_count()),
        "GPU": nvidia_gpu(environment) or "none found",
        "Engine": f"{state.readiness.value}: {state.sentence}",
        "Engine folder": str(home),
        "Free disk": _free_disk(home),
        "Proxy": "set in QGIS" if proxy_variables() else "none",
    }
    if state.marker is not None:
        marker = state.marker
        rows["Environment"] = f"{marker.which}{', GPU' if marker.gpu else ''}, {marker.key}, by {marker.installer}"
        rows["Made"] = f"{marker.created} from {marker.base} by version {marker.plugin}"
    parts = ["## Ridgeline diagnostics", "", "| | |", "|---|---|"]
    parts += [f"| {name} | {_cell(value)} |" for name, value in rows.items()]
    if state.ready:
        parts += ["", "### Libraries", "", _libraries(state.python, state.can_train and not state.own, environment)]
    for title, text in (
        ("Last error", last_error),
        ("Engine log", _tail(engine_log)),
        ("Set-up log", _tail(_read(home / LOG_NAME))),
    ):
        if text:
            parts += ["", f"### {title}", "", "```", text.replace("```", "'''"), "```"]
    return scrub("\n".join(parts) + "\n")


def scrub(text: str, home: Optional[str] = None, user: Optional[str] = None, host: Optional[str] = None) -> str:
    """Return ``text`` without home folders, user and computer names, and passwords in addresses.

    Args:
        text: any text.
        home: the home folder; None: the user's own.
        user: the user's name; None: the user's own.
        host: the computer's name; None: this one's.
    """
    home = str(Path.home()) if home is None else home
    text = re.sub(r"(\w+://)[^/\s:@]+(:[^/\s@]*)?@", r"\1…@", text)
    spellings = {home, home.replace("\\", "/"), home.replace("\\", "\\\\")}
    for spelling in sorted(spellings, key=len, reverse=True):
        if len(spelling) > 1:
            text = re.sub(re.escape(spelling) + r"(?![\w-])", "~", text, flags=re.IGNORECASE)
    # other people's homes, and homes reached by another path (a network drive's)
    text = re.sub(r"(?i)((?:/home|/users|\b[a-z]:[\\/]+users)[\\/]+)[^\\/\s\"'|:]+", r"\1<user>", text)
    for name, shown in (
        (_user() if user is None else user, "<user>"),
        (_host() if host is None else host, "<computer>"),
    ):
        if len(name) > 2 and name.lower() not in ("root", "user", "localhost", "qgis", "admin"):
            text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", shown, text, flags=re.IGNORECASE)
    return text


def _libraries(python: str, train: bool, environment: Dict[str, str]) -> str:
    try:
        modules = requirement_set(TRAIN if train else INFERENCE).modules
        versions = verify_python(python, modules, environment)
    except RidgelineError as fault:
        return str(fault)
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _free_disk(folder: Path) -> str:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 1e9:.1f} GB"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _tail(text: str) -> str:
    lines: List[str] = text.splitlines()
    return "\n".join(lines[-_LOG_TAIL:])


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _host() -> str:
    return socket.gethostname()
