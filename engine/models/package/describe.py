"""What a model says of itself, as JSON for the plugin and as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...jobs import to_dict
from .library import LibraryEntry
from .spec import GsdSpec, TileSpec

_MAX_CARD_BYTES = 256 * 1024


def model_info(entry: LibraryEntry) -> dict[str, Any]:
    """Return all that there is to know of a model, as plain JSON values.

    Keys: ``name``, ``origin`` (``shipped``, ``user`` or ``folder``), ``folder``, ``size_bytes``; of a damaged model
    ``fault`` and ``hint``; of all others ``version``, ``title``, ``description``, ``licence``, ``source``,
    ``trained_on``, ``metrics``, ``inputs``, ``runs_with`` (kinds of rasters that together suffice), ``outputs``
    (classes with colours), ``gsd``, ``tile``, ``precisions``, ``runtimes``, ``trainable`` and ``card`` (text of its
    README.md). All texts come from whoever made the model: escape them where they are shown.
    """
    about: dict[str, Any] = {
        "name": entry.name,
        "origin": entry.origin,
        "folder": str(entry.folder),
        "size_bytes": entry.size_bytes,
    }
    if entry.package is None:
        if entry.fault is not None:
            about |= {"fault": entry.fault.message, "hint": entry.fault.hint}
        return about
    spec = entry.package.spec
    kind_of = {item.name: item.kind for item in spec.inputs}
    together = {tuple(sorted({kind_of[name] for name in weights.inputs}, reverse=True)) for weights in spec.weights}
    return about | {
        "version": spec.version,
        "title": spec.title or spec.name,
        "description": spec.description,
        "licence": spec.licence,
        "source": spec.source,
        "trained_on": spec.training_data,
        "metrics": spec.metrics,
        "inputs": [{"name": item.name, "kind": item.kind, "bands": list(item.bands)} for item in spec.inputs],
        "runs_with": sorted((list(kinds) for kinds in together), key=lambda kinds: (-len(kinds), kinds)),
        "outputs": [
            {
                "name": item.name,
                "kind": item.kind,
                "role": item.role,
                "unit": item.unit,
                "classes": to_dict(item.classes),
            }
            for item in spec.outputs
        ],
        "gsd": to_dict(spec.gsd),
        "tile": to_dict(spec.tile),
        "precisions": sorted({item.precision for item in spec.weights}),
        "runtimes": sorted({"onnx" if item.format == "onnx" else "torch" for item in spec.weights}),
        "trainable": spec.architecture is not None and any(item.format == "safetensors" for item in spec.weights),
        "card": _card(entry.folder),
    }


def models_table(entries: Sequence[LibraryEntry]) -> str:
    """Return one line a model."""
    if not entries:
        return "The library is empty. Import a model with `ridgeline models import`."
    rows = [("NAME", "VERSION", "INPUTS", "GSD", "SIZE", "FROM", "WHAT IT IS")]
    for entry in entries:
        info = model_info(entry)
        if "fault" in info or "version" not in info:
            rows.append((entry.name, "-", "-", "-", _size(entry.size_bytes), entry.origin, info.get("fault", "")))
            continue
        kinds = " | ".join("+".join(kinds) for kinds in info["runs_with"])
        gsd = f"{info['gsd']['min']:g}-{info['gsd']['max']:g} m"
        rows.append(
            (entry.name, info["version"], kinds, gsd, _size(entry.size_bytes), entry.origin, _plain(info["title"]))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def as_text(info: dict[str, Any]) -> str:
    """Return what ``model_info`` gave as lines for people."""
    lines = [f"{_plain(info.get('title', info['name']))}", ""]
    if "fault" in info:
        return "\n".join([*lines, _plain(info["fault"]), _plain(info["hint"])])
    if info["description"]:
        lines += [_plain(info["description"]), ""]
    facts = {
        "Name": f"{info['name']} {_plain(info['version'])}",
        "From": f"{info['origin']}: {info['folder']}",
        "Size": _size(info["size_bytes"]),
        "Licence": _plain(info["licence"]) or "not stated",
        "Source": _plain(info["source"]),
        "Trained on": _plain(info["trained_on"]),
        "Runs with": " | ".join(" + ".join(kinds) for kinds in info["runs_with"]),
        "GSD": str(GsdSpec(**info["gsd"])),
        "Tiles": f"{info['tile']['size']} px, overlap {info['tile']['overlap']} px, {seen(TileSpec(**info['tile']))}",
        "Precision": ", ".join(info["precisions"]),
        "Can be fine-tuned": "yes" if info["trainable"] else "no",
    }
    lines += [f"{name + ':':<19}{value}" for name, value in facts.items() if value]
    for output in info["outputs"]:
        lines += ["", f"Output {output['name']} ({output['kind']}, {output['role']})"]
        lines += [f"  {item['id']:>3}  {item['colour']}  {_plain(item['name'])}" for item in output["classes"]]
    lines += _metric_lines(info["metrics"])
    return "\n".join(lines)


def _metric_lines(metrics: dict[str, Any], depth: int = 0) -> list[str]:
    lines = ["", "Measured"] if metrics and depth == 0 else []
    for name, value in metrics.items():
        indent = "  " * (depth + 1)
        if isinstance(value, dict):
            lines += [f"{indent}{_plain(name)}", *_metric_lines(value, depth + 1)]
        else:
            lines.append(
                f"{indent}{_plain(name)}: {value:.3g}"
                if isinstance(value, float)
                else f"{indent}{_plain(name)}: {_plain(str(value))}"
            )
    return lines


def _card(folder: Path) -> str:
    path = folder / "README.md"
    if not path.is_file() or path.is_symlink():
        return ""
    with path.open("rb") as stream:
        return stream.read(_MAX_CARD_BYTES).decode("utf-8", errors="replace")


def seen(tile: TileSpec) -> str:
    """Return in words how often a model looks at each tile."""
    often = {1: "once", 2: "twice"}.get(tile.looks, f"{tile.looks} times")
    coarse = tile.coarse_picture and tile.looks > 1
    return f"seen {often}" + (f"; a picture by itself {often} more, at half its resolution" if coarse else "")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:.1f} kB"


def _plain(text: str) -> str:
    """Return a text on one line without control characters: a model's texts must not steer a terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
