"""What is known of a model, as rich text for the Models page; whatever comes from the model is escaped."""

import html
import re
from typing import Any, Dict, List, Tuple

from ....engine.jobs.places import user_models
from ...i18n import tr
from . import words
from .models import ModelInfo

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LONG = re.compile(r"([^\s\u200b]{20})(?=[^\s\u200b])")
_MOST_METRICS = 24
_MOST_DEPTH = 4
_LARGE = 10**15


def card_html(model: ModelInfo) -> str:
    """Return what is known of a model."""
    parts = [f"<h3>{_text(model.label)}</h3><p>{_text(model.description)}</p>", _table(_facts(model))]
    titles = {"land_cover": tr("Land cover"), "roof_class": tr("Roof classes")}
    for role, classes in model.classes.items():
        parts.append(f"<p><b>{_text(titles.get(role, role.replace('_', ' ')))}</b><br>")
        parts += [f"{_square(item.colour)} {_text(item.name.replace('_', ' '))}<br>" for item in classes]
        parts.append("</p>")
    metrics = metric_rows(model.metrics)
    if metrics:
        parts.append(f"<p><b>{_text(tr('Measured'))}</b></p>")
        parts.append(_table(metrics))
    return "".join(parts)


def is_own(model: ModelInfo) -> bool:
    """Return whether a model lies in the user's own library, and so can be removed."""
    return model.folder.parent == user_models()


def metric_rows(metrics: "Dict[str, Any]", before: str = "", depth: int = 0) -> "List[Tuple[str, str]]":
    """Return names and values of all metrics, nested ones under “group: name”; at most two dozen, not too deep."""
    rows: List[Tuple[str, str]] = []
    for name, value in metrics.items():
        title = f"{before}{str(name).replace('_', ' ')}"
        if isinstance(value, dict):
            rows += metric_rows(value, f"{title}: ", depth + 1) if depth < _MOST_DEPTH else []
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            rows.append((title, str(value)))
        elif isinstance(value, float):
            rows.append((title, words.number(value, 3 if abs(value) < 10 else 1)))
        else:
            rows.append((title, words.number(value) if abs(value) < _LARGE else str(value)[:20]))
    return rows[:_MOST_METRICS]


def _facts(model: ModelInfo) -> "List[Tuple[str, str]]":
    names = {"rgb": tr("RGB"), "dsm": tr("DSM")}
    inputs = tr(" or ").join(
        " + ".join(names.get(kind, kind) for kind in sorted(kinds, reverse=True)) for kinds in model.input_sets
    )
    return [
        (tr("Version"), model.version),
        (tr("Works with"), inputs or tr("nothing that this plugin can feed it")),
        (
            tr("Pixel size"),
            tr(
                "{trained} ({low} to {high})",
                trained=words.metres_per_pixel(model.gsd_trained),
                low=words.metres_per_pixel(model.gsd_min),
                high=words.metres_per_pixel(model.gsd_max),
            ),
        ),
        (tr("Size"), words.size(model.size_bytes)),
        (tr("Licence"), model.licence or tr("not stated")),
        (tr("From"), model.source),
        (tr("Trained on"), model.trained_on),
        (tr("Kept"), tr("in your library") if is_own(model) else tr("with the plugin")),
        (tr("Fine-tuning"), tr("possible") if model.trainable else tr("not possible")),
    ]


def _table(rows: "List[Tuple[str, str]]") -> str:
    lines = [f"<tr><td><b>{_text(name)}</b></td><td>{_text(text)}</td></tr>" for name, text in rows if text]
    return f"<table cellpadding='2'>{''.join(lines)}</table>"


def _text(text: str) -> str:
    """Escape a text, and let its long words break: a word may not make the dock wide."""
    return html.escape(_LONG.sub("\\1\u200b", text)).replace("\n", "<br>")


def _square(colour: str) -> str:
    """A square of that colour; an empty one where it would not show on a white page, or is none."""
    if not _COLOUR.fullmatch(colour) or colour.lower() == "#ffffff":
        return "□"
    return f"<span style='color:{colour}'>■</span>"
