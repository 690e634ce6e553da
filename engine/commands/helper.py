"""``ridgeline helper``: a process that a run starts to share its work; see ``engine.vector.crew``."""

from __future__ import annotations

import argparse
import os
import signal

from .jobrunner import EXIT_OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: what is to be done comes over standard input."""
    parser.epilog = "Started by other commands; of no use by itself."


def run(args: argparse.Namespace) -> int:
    """Help until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process hears it, too, and ends it
    back = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints
    from ..vector.crew import help_out

    with os.fdopen(os.dup(0), "rb") as to, back:
        help_out(to, back)
    return EXIT_OK
