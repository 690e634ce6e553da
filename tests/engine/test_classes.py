"""The table of classes keeps the promises that rasters, models and styles build on."""

import itertools
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ridgeline.engine.classes import LAND_COVER, ROOF_CLASSES

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
NAMES = "flat gable gambrel row multiple_eave hipped_v1 hipped_v2 mansard pyramid arched revolved other".split()


def test_roof_classes_keep_their_ids_and_names():
    assert [(info.id, info.name) for info in ROOF_CLASSES] == list(enumerate(NAMES, start=1))


def test_land_cover_keeps_the_isprs_order_and_colours_but_is_never_white():
    assert [info.id for info in LAND_COVER] == [1, 2, 3, 4, 5, 6]
    assert [info.hex_colour for info in LAND_COVER] == [
        "#c8c8c8",
        "#0000ff",
        "#00ffff",
        "#00ff00",
        "#ffff00",
        "#ff0000",
    ]


def test_the_default_model_shows_its_classes_in_these_colours():
    outputs = json.loads((RESOURCES / "models" / "ridgeline-compact" / "model.json").read_text("utf-8"))["outputs"]
    for role, classes in (("roof_class", ROOF_CLASSES), ("land_cover", LAND_COVER)):
        listed = next(item["classes"] for item in outputs if item["role"] == role)
        assert {item["name"]: item["colour"] for item in listed} == {item.name: item.hex_colour for item in classes}


def test_the_styles_show_classes_by_these_titles_and_colours():
    for name, classes in (("roof_class", ROOF_CLASSES), ("land_cover", LAND_COVER)):
        entries = ElementTree.parse(RESOURCES / "styles" / f"{name}.qml").iter("paletteEntry")
        shown = [(int(item.get("value")), item.get("label"), item.get("color")) for item in entries]
        assert shown == [(item.id, item.title, item.hex_colour) for item in classes]
    categories = ElementTree.parse(RESOURCES / "styles" / "buildings.qml").iter("category")
    shown = {item.get("value"): item.get("label") for item in categories if item.get("value") not in ("", "NULL")}
    assert shown == {item.name: item.title for item in ROOF_CLASSES}


def test_every_roof_class_has_a_definition_and_a_geometric_test():
    assert all(info.definition.endswith(".") and info.test.endswith(".") for info in ROOF_CLASSES)


# Linear RGB seen without the long, the middle and the short cones (Machado, Oliveira and Fernandes 2009, severity 1).
SIGHT = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(colour, matrix):
    linear = [(c / 255 / 12.92) if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    seen = [min(max(sum(m * c for m, c in zip(row, linear)), 0), 1) for row in matrix]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(m * c for m, c in zip(row, seen)) / white for row, white in zip(to_xyz, (0.9505, 1, 1.089))]
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def distance(first, second, matrix):
    return sum((a - b) ** 2 for a, b in zip(lab(first, matrix), lab(second, matrix))) ** 0.5


@pytest.mark.parametrize("sight", SIGHT)
def test_roof_colours_stay_apart(sight):
    least = min(
        (distance(a.colour, b.colour, SIGHT[sight]), a.name, b.name) for a, b in itertools.combinations(ROOF_CLASSES, 2)
    )
    assert least[0] > 20, least
