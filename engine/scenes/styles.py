"""Kinds of places: what stands there, of what, how dense, and on which ground."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """One kind of place.

    Attributes:
        roofs: weight of each roof class by name.
        blocks: weight of each way to fill a block (see ``blocks``).
        pitched: coverings of sloping roofs and their weights.
        level: coverings of flat roofs and their weights.
        eave: range of eave heights, metres.
        block_length: range of block lengths, metres.
        block_depth: range of block depths, metres.
        street: range of street widths, metres.
        street_soils: colour families of streets.
        yard: (cover, family, second family) choices for the ground between buildings.
        trees: trees per 100 m2 of free ground.
        tall: share of trees that are large.
        palms: share of trees that are palms.
        hedges: probability of a hedge on a parcel's side.
        walls: probability of a wall on a parcel's side.
        cars: probability of a car at each parking place.
        uniform: probability that a whole district has one roof colour.
        tidy: how parallel things stand, 0..1.
        old: how weathered roofs are, 0..1.
        pitch: range of the slope of a district's roofs, metres per metre.
    """

    roofs: dict[str, float]
    blocks: dict[str, float]
    pitched: dict[str, float]
    level: dict[str, float]
    eave: tuple[float, float] = (2.6, 6.5)
    block_length: tuple[float, float] = (50.0, 130.0)
    block_depth: tuple[float, float] = (40.0, 75.0)
    street: tuple[float, float] = (5.0, 11.0)
    street_soils: tuple[str, ...] = ("asphalt", "asphalt", "asphalt", "concrete")
    yard: tuple[tuple[str, str, str], ...] = (("low_vegetation", "lawn", "dry_grass"),)
    trees: float = 0.5
    tall: float = 0.35
    palms: float = 0.0
    hedges: float = 0.3
    walls: float = 0.2
    cars: float = 0.5
    uniform: float = 0.3
    tidy: float = 0.9
    old: float = 0.3
    pitch: tuple[float, float] = (0.3, 0.95)


LAWN = ("low_vegetation", "lawn", "meadow")
DRY = ("low_vegetation", "dry_grass", "meadow")
GARDEN = ("low_vegetation", "meadow", "soil")
PAVED = ("impervious_surface", "paving", "concrete")
TARRED = ("impervious_surface", "asphalt", "concrete")
GRAVELLED = ("impervious_surface", "gravel", "sand")
EARTH = ("clutter", "soil", "dry_grass")
RED_EARTH = ("clutter", "red_soil", "soil")
SANDY = ("clutter", "sand", "gravel")

TILED = {"tile": 0.7, "slate": 0.15, "metal": 0.1, "old_tile": 0.05}
FLAT_EU = {"gravel": 0.35, "membrane": 0.4, "green": 0.08, "slabs": 0.17}

STYLES: dict[str, Style] = {
    "suburb": Style(
        roofs={"gable": 5, "hipped_v1": 2.2, "hipped_v2": 1.6, "flat": 1.6, "gambrel": 0.5, "mansard": 0.3,
               "pyramid": 0.6, "other": 1.0},
        blocks={"detached": 0.72, "terrace": 0.12, "park": 0.08, "slabs": 0.04, "monument": 0.04},
        pitched=TILED, level=FLAT_EU, eave=(2.5, 6.0), trees=0.9, hedges=0.45, walls=0.15,
        yard=(LAWN, LAWN, GARDEN, DRY, GRAVELLED), uniform=0.2,
    ),
    "town": Style(
        roofs={"gable": 5, "flat": 2.2, "hipped_v1": 1, "hipped_v2": 0.8, "mansard": 1.0, "gambrel": 0.5, "other": 0.7,
               "pyramid": 0.3, "revolved": 0.2, "arched": 0.2},
        blocks={"terrace": 0.35, "perimeter": 0.3, "detached": 0.12, "slabs": 0.12, "park": 0.05, "monument": 0.06,
                "plaza": 0.04},
        pitched=TILED, level=FLAT_EU, eave=(4.5, 12.0), trees=0.45, yard=(LAWN, PAVED, GARDEN, TARRED),
        street=(6.0, 14.0), block_depth=(40.0, 80.0), uniform=0.4,
    ),
    "old_town": Style(
        roofs={"gable": 4, "other": 3, "flat": 2, "hipped_v1": 1, "hipped_v2": 1, "pyramid": 0.4},
        blocks={"warren": 0.76, "perimeter": 0.1, "monument": 0.06, "plaza": 0.08},
        pitched={"old_tile": 0.75, "tile": 0.25}, level={"slabs": 0.5, "gravel": 0.2, "membrane": 0.3},
        eave=(4.0, 13.0), block_length=(30.0, 80.0), block_depth=(22.0, 50.0), street=(2.5, 8.0),
        street_soils=("paving", "asphalt", "paving", "concrete"), yard=(PAVED, EARTH, GRAVELLED), trees=0.25,
        hedges=0.05, walls=0.4, uniform=0.7, tidy=0.6, old=0.7,
    ),
    "estate": Style(
        roofs={"flat": 4, "gable": 2, "hipped_v1": 1.5, "hipped_v2": 0.6, "arched": 0.2, "mansard": 0.3},
        blocks={"slabs": 0.72, "park": 0.1, "parking": 0.08, "detached": 0.05, "plaza": 0.05},
        pitched={"tile": 0.5, "metal": 0.4, "sheets": 0.1}, level=FLAT_EU, eave=(6.0, 20.0),
        block_length=(70.0, 160.0), block_depth=(60.0, 110.0), yard=(LAWN, TARRED, TARRED, PAVED, DRY, RED_EARTH),
        trees=0.4, hedges=0.15, cars=0.7, uniform=0.6,
    ),
    "industry": Style(
        roofs={"flat": 4.5, "row": 2.2, "gable": 2.2, "arched": 1.3, "revolved": 0.8, "other": 0.6, "hipped_v1": 0.3},
        blocks={"halls": 0.86, "park": 0.06, "slabs": 0.04, "yard": 0.04, "parking": 0.06},
        pitched={"metal": 0.7, "sheets": 0.2, "membrane": 0.1}, level={"gravel": 0.35, "membrane": 0.6, "green": 0.05},
        eave=(4.0, 13.0), block_length=(80.0, 220.0), block_depth=(70.0, 160.0), street=(7.0, 14.0),
        yard=(TARRED, TARRED, PAVED, GRAVELLED, DRY), trees=0.12, hedges=0.1, cars=0.5, uniform=0.15,
    ),
    "farm": Style(
        roofs={"gable": 6, "hipped_v1": 1.8, "hipped_v2": 0.5, "gambrel": 1.6, "arched": 0.7, "revolved": 0.6,
               "flat": 0.6, "other": 0.8},
        blocks={"farmstead": 0.44, "field": 0.28, "wood": 0.08,
                "meadow": 0.08, "orchard": 0.06, "tall_crop": 0.06},
        pitched={"tile": 0.4, "old_tile": 0.15, "metal": 0.15, "sheets": 0.2, "thatch": 0.04, "slate": 0.06},
        level=FLAT_EU, eave=(2.8, 6.5), block_length=(70.0, 180.0), block_depth=(60.0, 140.0), street=(3.0, 6.0),
        street_soils=("asphalt", "gravel", "soil"), yard=(DRY, LAWN, GARDEN, GRAVELLED, EARTH), trees=0.2,
    ),
    "open_land": Style(
        roofs={"gable": 1.0, "flat": 0.5, "other": 0.5},
        blocks={"field": 0.22, "wood": 0.18, "meadow": 0.13,
                "park": 0.08, "yard": 0.1, "river": 0.23, "water": 0.05, "orchard": 0.07, "tall_crop": 0.07},
        pitched=TILED, level=FLAT_EU, block_length=(60.0, 200.0), block_depth=(60.0, 160.0), street=(3.0, 9.0),
        street_soils=("asphalt", "gravel", "soil", "red_soil"), yard=(DRY, LAWN, GARDEN, EARTH, RED_EARTH), trees=0.3,
    ),
    "villas": Style(
        roofs={"hipped_v1": 2.5, "hipped_v2": 3.0, "gable": 2.2, "flat": 1.2, "pyramid": 0.8, "other": 0.8},
        blocks={"detached": 0.8, "park": 0.06, "informal": 0.06, "yard": 0.08},
        pitched={"tile": 0.45, "sheets": 0.35, "metal": 0.2}, level={"slabs": 0.5, "membrane": 0.5}, eave=(2.6, 6.0),
        street=(4.0, 9.0), street_soils=("red_soil", "asphalt", "soil", "sand"),
        yard=(LAWN, LAWN, RED_EARTH, PAVED, GARDEN, SANDY), trees=0.55, palms=0.2, hedges=0.25, walls=0.6, uniform=0.1,
        tidy=0.75, old=0.35,
    ),
    "informal": Style(
        roofs={"gable": 4.5, "other": 2.6, "flat": 1.4, "hipped_v1": 0.8, "hipped_v2": 0.3},
        blocks={"informal": 0.85, "yard": 0.07, "detached": 0.08},
        pitched={"sheets": 0.5, "rusty": 0.45, "tile": 0.05}, level={"slabs": 0.3, "rusty": 0.4, "sheets": 0.3},
        eave=(2.0, 3.6), block_length=(40.0, 110.0), block_depth=(28.0, 70.0), street=(2.0, 6.0),
        street_soils=("red_soil", "soil", "sand", "asphalt"), yard=(RED_EARTH, EARTH, EARTH, SANDY), trees=0.18,
        palms=0.1, hedges=0.05, walls=0.2, cars=0.2, uniform=0.1, tidy=0.35, old=0.8,
    ),
    "tropical_village": Style(
        roofs={"gable": 4.0, "hipped_v1": 3.0, "hipped_v2": 1.0, "other": 1.5, "pyramid": 0.4, "flat": 0.4,
               "revolved": 0.35},
        blocks={"hamlet": 0.72, "field": 0.10, "orchard": 0.06, "wood": 0.06, "yard": 0.06},
        pitched={"metal": 0.45, "sheets": 0.25, "rusty": 0.15, "thatch": 0.15}, level={"slabs": 0.7, "rusty": 0.3},
        eave=(2.2, 3.6), street=(2.5, 5.0), street_soils=("soil", "red_soil", "sand"),
        yard=(GARDEN, DRY, EARTH, RED_EARTH, ("low_vegetation", "meadow", "lawn")), trees=0.6, palms=0.3, hedges=0.15,
        walls=0.1, cars=0.15, uniform=0.35, tidy=0.5, old=0.5,
    ),
    "east": Style(
        roofs={"multiple_eave": 3.0, "hipped_v1": 1.5, "hipped_v2": 1.2, "gable": 2.0, "flat": 2.0, "pyramid": 0.7,
               "other": 0.8, "row": 0.2},
        blocks={"detached": 0.45, "warren": 0.2, "perimeter": 0.1, "slabs": 0.15, "park": 0.1},
        pitched={"slate": 0.45, "tile": 0.35, "metal": 0.2}, level={"membrane": 0.5, "slabs": 0.5}, eave=(2.8, 9.0),
        yard=(PAVED, GRAVELLED, LAWN, TARRED), street=(4.0, 9.0), trees=0.35, walls=0.5, hedges=0.15, uniform=0.3,
        tidy=0.85, block_depth=(30.0, 60.0),
    ),
    "south": Style(
        roofs={"gable": 5, "other": 1.6, "hipped_v1": 1.4, "hipped_v2": 1.2, "flat": 1.0, "pyramid": 0.3},
        blocks={"long_rows": 0.5, "detached": 0.2, "terrace": 0.05, "perimeter": 0.06, "warren": 0.07, "park": 0.04,
                "plaza": 0.08},
        pitched={"pale_tile": 0.75, "old_tile": 0.15, "tile": 0.1},
        level={"slabs": 0.5, "gravel": 0.3, "membrane": 0.2}, eave=(2.6, 8.0), block_length=(50.0, 140.0),
        block_depth=(36.0, 70.0), street=(4.0, 10.0),
        street_soils=("asphalt", "asphalt", "concrete"), yard=(GARDEN, DRY, GARDEN, LAWN, EARTH, GRAVELLED),
        trees=0.8, tall=0.4, palms=0.06, hedges=0.4, walls=0.5, uniform=0.6, old=0.35, pitch=(0.2, 0.45),
    ),
}  # fmt: skip
"""Every kind of place by name."""

STYLE_WEIGHTS: dict[str, float] = {
    "suburb": 0.13, "town": 0.12, "old_town": 0.09, "estate": 0.09, "industry": 0.09, "farm": 0.07, "open_land": 0.12,
    "villas": 0.09, "informal": 0.08, "tropical_village": 0.08, "east": 0.04,
    "south": 0.09,
}  # fmt: skip
"""How often each kind of place is drawn."""
