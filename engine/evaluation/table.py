"""Rows of measures as a plain table, as Markdown, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .suite import Row


def as_text(rows: Sequence[Row]) -> str:
    """Return the rows as lines for a terminal, a mark behind each that has a floor."""
    on, what = max((len(row.on) for row in rows), default=0), max((len(row.measure) for row in rows), default=0)
    return "\n".join(
        f"{row.on:<{on}}  {row.measure:<{what}}  {row.value:8.3f}  {_verdict(row)}".rstrip() for row in rows
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = "| on | measure | value | floor |\n|---|---|---|---|\n"
    return head + "\n".join(f"| {row.on} | {row.measure} | {row.value:.3f} | {_verdict(row)} |" for row in rows)


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the rows as JSON values (NaN becomes null)."""
    return {
        "rows": [
            {
                "on": row.on,
                "measure": row.measure,
                "value": None if math.isnan(row.value) else round(row.value, 4),
                "floor": row.floor,
                "reached": row.reached,
            }
            for row in rows
        ]
    }


def _verdict(row: Row) -> str:
    if row.floor is None:
        return ""
    sign = "at most" if row.at_most else "at least"
    return f"{sign} {row.floor:g}: {'reached' if row.reached else 'NOT reached'}"
