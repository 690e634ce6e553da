"""The classes that Ridgeline knows: ids, names, colours, and what each one means.

Standard library only. Id 0 is nodata everywhere. The names of the roof classes are those of the DFC2023 and UBCv2 data
sets, whose authors define them by pictures only; the definitions here are working ones, each with a test on the
planes of a roof that a program can carry out. Words used: a *plane* is a part of the roof of one slope and one aspect
that covers at least 5 % of it; *flat* means a slope under 5 degrees; a *ridge* is where two planes that fall away from
each other meet; a *hip* is a ridge that slopes; an *eave* is a plane's lowest edge; a *simple* outline is a rectangle
(its area is at least 90 % of its smallest enclosing rectangle's), a *composed* one is not (L, T, U and the like).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassInfo:
    """One class.

    Attributes:
        id: the value in class rasters, from 1.
        name: the stable machine name.
        title: what people read.
        colour: red, green, blue, each 0 to 255.
        definition: one sentence.
        test: how a program decides it from geometry; empty where geometry does not decide.
    """

    id: int
    name: str
    title: str
    colour: tuple[int, int, int]
    definition: str
    test: str = ""

    @property
    def hex_colour(self) -> str:
        """The colour as ``#rrggbb``."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


LAND_COVER = (
    ClassInfo(1, "impervious_surface", "Impervious surface", (200, 200, 200), "Roads, squares, paved ground."),
    ClassInfo(2, "building", "Building", (0, 0, 255), "Roofed constructions that stand on the ground."),
    ClassInfo(3, "low_vegetation", "Low vegetation", (0, 255, 255), "Grass, crops, shrubs and bare soil among them."),
    ClassInfo(4, "tree", "Tree", (0, 255, 0), "Trees and tall hedges."),
    ClassInfo(5, "car", "Car", (255, 255, 0), "Cars, vans, lorries and caravans."),
    ClassInfo(6, "clutter", "Other surfaces", (255, 0, 0), "All the rest: water, containers, walls, rubble."),
)
"""Land cover in the order and the colours of the ISPRS 2D semantic labelling benchmark, but for its white, which looks
like missing data on a map."""

ROOF_CLASSES = (
    ClassInfo(
        1,
        "flat",
        "Flat",
        (187, 187, 187),
        "Level, or falling so little that it looks level.",
        "At least 80 % of the area is flat, at one level or several.",
    ),
    ClassInfo(
        2,
        "gable",
        "Gable",
        (190, 19, 12),
        "Two planes that meet in one level ridge between upright gables.",
        "Two planes of opposite aspect (180 +- 20 degrees) that meet in a level ridge as long as the eaves.",
    ),
    ClassInfo(
        3,
        "gambrel",
        "Gambrel",
        (212, 91, 96),
        "A gable whose two sides each have a steep lower and a gentle upper plane.",
        "Two opposite aspects, each with two slopes 10 degrees or more apart, steep below; upright gable ends.",
    ),
    ClassInfo(
        4,
        "row",
        "Saw-tooth or row",
        (157, 92, 135),
        "The same bay (shed, gable or arch) several times side by side, as on saw-tooth halls.",
        "Three or more parallel ridges or steps, evenly spaced within 20 %, of the same height within 1 m.",
    ),
    ClassInfo(
        5,
        "multiple_eave",
        "Multiple eaves",
        (123, 96, 184),
        "Sloping roofs stacked over each other, with eaves at several levels around one core.",
        "Eaves at two or more levels at least 1.5 m apart, the upper ones inside the lower outline and parallel.",
    ),
    ClassInfo(
        6,
        "hipped_v1",
        "Hipped, rectangular",
        (14, 107, 255),
        "Four sides slope up to one level ridge shorter than the building, on a rectangle; half-hipped roofs too.",
        "A simple outline, four aspects 90 degrees apart, hips at both ends of a ridge of 10 to 90 % of the length.",
    ),
    ClassInfo(
        7,
        "hipped_v2",
        "Hipped, L, T or U shape",
        (0, 206, 255),
        "Hipped like the simple kind, but on an L, T, U or otherwise composed outline, with valleys where wings meet.",
        "A composed outline, every outer side sloping, two or more ridges joined by valleys.",
    ),
    ClassInfo(
        8,
        "mansard",
        "Mansard",
        (79, 27, 76),
        "Steep lower and gentle or flat upper planes on all four sides.",
        "Four aspects, each with a lower slope 10 degrees or more steeper than what lies above it.",
    ),
    ClassInfo(
        9,
        "pyramid",
        "Pyramid",
        (181, 255, 48),
        "Planes that rise from every side of the outline to one point.",
        "Three or more planes that meet in one point; a level ridge, if any, is under 10 % of the length.",
    ),
    ClassInfo(
        10,
        "arched",
        "Arched (barrel)",
        (255, 187, 133),
        "A barrel vault: curved across, straight along.",
        "The slope changes steadily across (a parabola fits cross-sections to 0.3 m, two lines do not) and not along.",
    ),
    ClassInfo(
        11,
        "revolved",
        "Dome, cone or silo",
        (127, 25, 47),
        "A surface of revolution: dome, cone, silo.",
        "A round outline (4 pi area / perimeter^2 of 0.85 or more); height depends on the distance from a centre.",
    ),
    ClassInfo(
        12,
        "other",
        "Other",
        (11, 25, 132),
        "A single sloping plane (shed roof), butterflies, free forms, and whatever fits no class above.",
        "None of the other tests holds.",
    ),
)
"""Roof classes; ids 1 to 12. The colours were searched for so that they stay apart under red-green and
blue-yellow blindness too."""

FLAT_SLOPE_DEG = 5.0
"""A roof plane under this slope is flat: it has no azimuth."""

SQUARE_SHARE = 0.9
"""An outline that fills at least this share of its smallest enclosing rectangle is simple, else composed."""
