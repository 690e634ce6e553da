"""How engines are started: which Python, which variables, which file."""

import sys
from dataclasses import dataclass, field
from typing import Dict, Optional, Sequence

from ..paths import ENGINE_MAIN
from .child_environment import child_environment, qgis_variables
from .environment import ready_python
from .host import qgis_folders
from .process import EngineProcess


@dataclass(frozen=True)
class Engine:
    """A Python that has the engine's libraries, and how to start it.

    Attributes:
        python: path of the interpreter.
        main: the engine's start-up file; the code that runs is that of this very plugin.
        variables: variables set on top of the scrubbed ones.
        platform: as ``sys.platform``.
    """

    python: str
    main: str = str(ENGINE_MAIN)
    variables: Dict[str, str] = field(default_factory=dict)
    platform: str = sys.platform

    def command(self, arguments: Sequence[str]) -> "list[str]":
        """Return the command line for ``arguments``: isolated, unbuffered, UTF-8 whatever the system speaks."""
        return [self.python, "-I", "-u", "-X", "utf8", self.main, *arguments]

    def start(self, arguments: Sequence[str], folder: str) -> EngineProcess:
        """Start an engine with ``arguments`` in the working folder ``folder``.

        Raises:
            RidgelineError: (ENGINE_NOT_READY) if it cannot be started.
        """
        variables = child_environment(qgis_variables(), self.variables, qgis_folders(), self.platform)
        return EngineProcess(self.command(arguments), variables, folder, self.platform)


def ready_engine(variables: Optional[Dict[str, str]] = None) -> Engine:
    """Return the engine that is set up.

    Raises:
        RidgelineError: (ENGINE_NOT_READY) saying what is missing, if none is.
    """
    return Engine(ready_python(), variables=variables or {})
