"""Disturb the real engine at random moments and count what comes of it: ``make faults``.

Every disturbed run must end with the bytes of an undisturbed one, or with one clear error and nothing half-written
under a final name; and when the disturbance is over, the same command must end with those bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fault_kinds import KINDS, OTHERS, NotPermitted, Outcome
from fault_workload import PHASES, Workload

SHARES = {"SIGKILL": 0.5, "SIGTERM": 0.3, "SIGSTOP": 0.2}
"""Of the random moments."""


@dataclass
class Row:
    """What came of one kind of disturbance: how the runs ended, in which phases they were struck, what was wrong."""

    ended: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    skipped: str = ""


def plan(moments: int, others: int, minutes: int, only: list[str] | None) -> list[tuple[str, int]]:
    """Return kind and number of each trial.

    Args:
        moments: how many random moments of the run a signal strikes.
        others: how many trials of each other kind.
        minutes: how many of the whole minutes.
        only: kinds to leave in; None: all.
    """
    counts = {kind: round(share * moments) for kind, share in SHARES.items()}
    counts |= {kind: minutes if kind.endswith("minute") else others for kind in OTHERS}
    return [(kind, at) for kind, count in counts.items() if only is None or kind in only for at in range(count)]


def disturb(
    workload: Workload, trials: list[tuple[str, int]], seed: int, workers: int = 1
) -> Iterator[tuple[str, int, Outcome | NotPermitted, list[str]]]:
    """Yield what came of each trial, and the phases in which it was struck.

    The chance of a trial depends on seed, kind and number alone.
    """

    def one(trial: tuple[str, int]) -> tuple[str, int, Outcome | NotPermitted, list[str]]:
        kind, at = trial
        place = workload.trial(f"{kind.replace(' ', '-')}-{seed}-{at}")
        try:
            outcome: Outcome | NotPermitted = KINDS[kind](place, Random(f"{seed} {kind} {at}"))
        except NotPermitted as fault:
            outcome = fault
        except Exception:  # one trial that cannot be judged must not hide the others
            outcome = Outcome("not judged", [traceback.format_exc()])
        place.remove()
        return kind, at, outcome, place.struck

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(one, trials)


def write_counts(path: Path, seed: int, rows: dict[str, Row]) -> None:
    """Write the counts so far as JSON: whole, or not at all."""
    kinds = {
        kind: {"ended": row.ended, "struck": row.struck, "wrong": row.wrong, "skipped": row.skipped}
        for kind, row in rows.items()
    }
    half = path.with_name(f"{path.name}.half")
    half.write_text(json.dumps({"seed": seed, "kinds": kinds}, indent=2) + "\n", encoding="utf-8")
    os.replace(half, path)


def phase_table(rows: dict[str, Row]) -> str:
    """Return in which phases the runs were struck, as a Markdown table."""
    lines = ["| disturbance | " + " | ".join(PHASES) + " |", "|---" * (len(PHASES) + 1) + "|"]
    for kind, row in rows.items():
        if row.struck:
            lines.append(f"| {kind} | " + " | ".join(str(row.struck[phase]) for phase in PHASES) + " |")
    return "\n".join(lines)


def table(rows: dict[str, Row]) -> str:
    """Return the counts as a Markdown table."""
    lines = [
        "| disturbance | trials | the disturbed run ended | then not the same bytes, or else wrong |",
        "|---|---|---|---|",
    ]
    for kind, row in rows.items():
        if row.skipped:
            lines.append(f"| {kind} | 0 | skipped: {row.skipped} | |")
            continue
        ended = ", ".join(f"{count} {name}" for name, count in sorted(row.ended.items(), key=lambda item: -item[1]))
        lines.append(f"| {kind} | {sum(row.ended.values())} | {ended} | {len(row.wrong)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the trials, print the table and all that was wrong; the exit status says whether anything was."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1, help="another seed strikes at other moments (default: 1)")
    parser.add_argument("--moments", type=int, default=200, help="random moments for signals (default: 200)")
    parser.add_argument("--others", type=int, default=6, help="trials of each other kind (default: 6)")
    parser.add_argument("--minutes", type=int, default=1, help="stops of a whole minute (default: 1)")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--workers", type=int, default=1, help="trials at a time (default: 1)")
    parser.add_argument("--folder", help="where to work (default: the system's folder for temporary files)")
    parser.add_argument("--json", metavar="FILE", help="write the counts there, too, after every trial")
    args = parser.parse_args()

    rows: dict[str, Row] = {}
    trials = plan(args.moments, args.others, args.minutes, args.only)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ridgeline-faults-", dir=args.folder) as root:
        workload = Workload(Path(root))
        print(
            f"An undisturbed run takes {sum(workload.lasts.values()):.1f} s "
            f"({', '.join(f'{phase} {seconds:.2f}' for phase, seconds in workload.lasts.items())}); "
            f"{len(trials)} trials, seed {args.seed}.",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):  # what was counted until then is worth telling
            for kind, at, outcome, struck in disturb(workload, trials, args.seed, args.workers):
                row = rows.setdefault(kind, Row())
                if isinstance(outcome, NotPermitted):
                    row.skipped = str(outcome)
                    continue
                row.ended[outcome.ended] += 1
                row.struck.update(struck)
                if outcome.wrong:
                    row.wrong.append(f"{kind}, trial {at}: " + "; ".join(outcome.wrong))
                    print(row.wrong[-1], file=sys.stderr, flush=True)
                if args.json:
                    write_counts(Path(args.json), args.seed, rows)
    wrong = sum(len(row.wrong) for row in rows.values())
    print(table(rows), phase_table(rows), sep="\n\n")
    done = sum(sum(row.ended.values()) for row in rows.values())
    print(f"{done} trials in {time.monotonic() - began:.0f} s, {wrong} wrong.")
    if args.json:
        write_counts(Path(args.json), args.seed, rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
