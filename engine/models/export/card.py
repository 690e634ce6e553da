"""The model card: what ``model.json`` says, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..package import ModelSpec
from ..package.describe import seen


def model_card(spec: ModelSpec) -> str:
    """Return the package's ``README.md``."""
    lines = [f"# {spec.title or spec.name} ({spec.version})", ""]
    if spec.description:
        lines += [spec.description, ""]
    lines += ["## Takes", ""]
    for item in spec.inputs:
        need = "optional" if item.optional else "needed"
        lines.append(f"- `{item.name}` ({item.kind}, {need}): bands {', '.join(item.bands)}")
    lines += [
        f"- Pixel size on the ground: {spec.gsd}",
        f"- Tiles of {spec.tile.size} pixels, {seen(spec.tile)}",
        "",
        "## Gives",
        "",
    ]
    for output in spec.outputs:
        classes = ": " + ", ".join(f"{item.id} {item.name}" for item in output.classes) if output.classes else ""
        lines.append(f"- `{output.name}` ({output.kind}){classes}")
    lines += ["", "## Measured", ""]
    lines += [f"- {name}: {value}" for name, value in _flat(spec.metrics)] or ["Nothing was measured."]
    for title, text in (("Training data", spec.training_data), ("Licence", spec.licence), ("Source", spec.source)):
        if text:
            lines += ["", f"## {title}", "", text]
    return "\n".join(lines) + "\n"


def _flat(metrics: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name} / ")
        else:
            yield prefix + name, f"{value:.3f}" if isinstance(value, float) else str(value)
