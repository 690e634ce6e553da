"""The command ``ridgeline``: picks a sub-command and turns every fault into one sentence and an exit status."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from . import __version__
from .commands import COMMANDS, INNER
from .jobs import Cancelled, RidgelineError

EXIT_OK, EXIT_ERROR, EXIT_CANCELLED = 0, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return the exit status: 0, 1 (a fault, told in one sentence) or 130 (cancelled)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    name = argv[0] if argv and not argv[0].startswith("-") else None
    known = {**COMMANDS, **INNER}
    if name not in known:
        _overview().parse_args(argv)  # answers --help and --version, refuses anything else
        _overview().print_help()
        return EXIT_ERROR
    module = importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)
    parser = argparse.ArgumentParser(prog=f"ridgeline {name}", description=f"{known[name]}.")
    module.add_arguments(parser)
    try:
        return int(module.run(parser.parse_args(argv[1:])))
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        return EXIT_CANCELLED
    except RidgelineError as fault:
        print(f"ridgeline: {fault.message}", file=sys.stderr)
        if fault.hint:
            print(f"  {fault.hint}", file=sys.stderr)
        return EXIT_ERROR


def _overview() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<12} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="ridgeline",
        description="Roofs and land cover from an orthophoto and a surface model.",
        epilog=f"commands:\n{lines}\n\n`ridgeline COMMAND --help` tells what each takes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ridgeline {__version__}")
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND", help="one of the commands below")
    return parser
