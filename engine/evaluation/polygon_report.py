"""The report of a comparison with polygons: as JSON values, and as a page of Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .against_polygons import PixelCounts
from .metrics import class_scores
from .objects import Fault, ObjectScores


def as_values(
    counts: PixelCounts, things: ObjectScores | None, faults: Sequence[Fault], about: dict[str, Any]
) -> dict[str, Any]:
    """Return the comparison as JSON values; what cannot be told is None.

    Args:
        counts: pixels.
        things: objects; None where the classes are no things that can be counted.
        faults: all that is wrong.
        about: what goes before: the model, the truth.
    """
    scores, last = class_scores(counts.matrix), len(counts.names) - 1
    classes = {
        name: {
            "iou": _number(scores.iou[i]),
            "f1": _number(scores.f1[i]),
            "precision": _number(scores.precision[i]),
            "recall": _number(scores.recall[i]),
            "true_pixels": int(counts.matrix[i].sum()),
        }
        for i, name in enumerate(counts.names)
    }
    asked = [item["iou"] for name, item in classes.items() if name != counts.names[last] and item["iou"] is not None]
    return {
        **about,
        "mean_iou": _number(sum(asked) / len(asked)) if asked else None,
        "accuracy": _number(scores.accuracy),
        "classes": classes,
        "confusion": {"names": list(counts.names), "rows_are_truth": counts.matrix.tolist()},
        "objects": None
        if things is None
        else {
            "true": things.true,
            "found": things.found,
            "matched_at_iou_0.5": things.matched,
            "of_the_right_class": things.right_class,
            "precision": _number(things.precision),
            "recall": _number(things.recall),
        },
        "faults": dict(Counter(fault.kind for fault in faults)),
    }


def as_markdown(values: dict[str, Any]) -> str:
    """Return a comparison's values as a page for people."""
    names = values["confusion"]["names"]
    lines = [
        f"# {values['model']} against {values['truth']}",
        "",
        values["known"],
        "",
        f"Mean IoU {_text(values['mean_iou'])}, {_text(values['accuracy'])} of all pixels right.",
        "",
        "| class | IoU | F1 | precision | recall | true pixels |",
        "|---|---|---|---|---|---|",
    ]
    for name, item in values["classes"].items():
        numbers = " | ".join(_text(item[key]) for key in ("iou", "f1", "precision", "recall"))
        lines.append(f"| {_cell(name)} | {numbers} | {item['true_pixels']} |")
    things = values["objects"]
    if things is not None:
        found = "cannot be told from these labels" if things["found"] is None else str(things["found"])
        lines += [
            "",
            f"Things one by one, paired from an IoU of 0.5 on: {things['true']} true, {found} found, "
            f"{things['matched_at_iou_0.5']} pairs ({things['of_the_right_class']} of the right class); "
            f"precision {_text(things['precision'])}, recall {_text(things['recall'])}.",
        ]
    lines += ["", "Confusion matrix in pixels; rows are the truth, columns what was found:", ""]
    lines.append("| | " + " | ".join(_cell(name) for name in names) + " |")
    lines.append("|---" * (len(names) + 1) + "|")
    for name, row in zip(names, values["confusion"]["rows_are_truth"]):
        lines.append(f"| **{_cell(name)}** | " + " | ".join(str(count) for count in row) + " |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(float(value), 4)


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
