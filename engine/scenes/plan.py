"""A scene before it is drawn: lists of everything in metres, and the builder that fills them for one district."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from .buildings import Building
from .chance import choose, choose_key
from .clutter import Thing, Wire
from .footprints import Outline
from .ground import Area, Road, Soil
from .ledge_choice import with_ledges
from .local_roofs import ANYWHERE, LocalRoofs
from .palette import GROUND_ANY, Colour, draw
from .roof_choice import choose_class, make_details, make_roof, roof_colours
from .roofs import Roof
from .solids import Solid
from .styles import Style
from .terrain import Terrain
from .vegetation import Hedge, Tree

Plot = tuple[float, float, float, float]
"""u0, v0, u1, v1 in a district's frame, metres."""


YARD_BEDS = (
    ("impervious_surface", "paving", "concrete"),
    ("impervious_surface", "gravel", "sand"),
    ("low_vegetation", "soil", "meadow"),
    ("low_vegetation", "lawn", "soil"),
)
"""Small pieces of ground in yards: terraces, paths, beds, lawns."""


@dataclass
class Plan:
    """Everything that stands in a scene; the terrain is a closed form, so that any window can be drawn alone."""

    terrain: Terrain
    base: Soil
    areas: list[Area] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    hedges: list[Hedge] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    solids: list[Solid] = field(default_factory=list)
    local_roofs: LocalRoofs = ANYWHERE


def make_soil(rng: Generator, cover: str, family: str, second: str) -> Soil:
    """Return a ground cover; now and then its colour comes from the roofs' families."""
    if cover != "low_vegetation" and rng.random() < 0.14:
        family = choose(rng, GROUND_ANY)
    colour, far = draw(rng, family), draw(rng, second)
    blend = float(rng.uniform(0.2, 1.0))
    grassy = cover == "low_vegetation"
    stripes = rng.random() < (0.15 if grassy else 0.2)
    return Soil(
        cover=cover,
        colour=colour,
        second=(
            colour[0] + blend * (far[0] - colour[0]),
            colour[1] + blend * (far[1] - colour[1]),
            colour[2] + blend * (far[2] - colour[2]),
        ),
        share=float(rng.uniform(0.05, 0.6)),
        scale_m=float(np.exp(rng.uniform(np.log(0.8), np.log(9)))),
        fine=float(rng.uniform(0.03, 0.16) if grassy else rng.uniform(0.02, 0.1)),
        stripe_m=float(rng.uniform(0.6, 3.0)) if stripes else 0.0,
        stripe=float(rng.uniform(0.02, 0.1)),
        bump_m=float(0.005 + 0.07 * rng.random() ** 2 if grassy else 0.02 * rng.random() ** 2),
        crisp=float(np.exp(rng.uniform(np.log(0.2), np.log(0.9)))),
        key=int(rng.integers(1 << 14)),
    )


class District:
    """Draws one district of a plan: a frame, a kind of place, and helpers that place things in the frame.

    Args:
        plan: what is filled.
        rng: source of chance.
        style: the kind of place.
        x: world x of the frame's origin, metres.
        y: world y of the origin.
        angle: direction of u in the world, radians.
        balance: probability that a roof class is drawn without regard to the place.
    """

    def __init__(
        self, plan: Plan, rng: Generator, style: Style, x: float, y: float, angle: float, balance: float
    ) -> None:
        self.plan, self.rng, self.style = plan, rng, style
        self.x, self.y, self.angle = x, y, angle
        self.balance = balance
        self.cos, self.sin = math.cos(angle), math.sin(angle)
        self.lush = float(np.clip(rng.lognormal(0.3, 0.75), 0.15, 5.0))
        autumn = rng.random()
        self.leaf_families = ["leaf", "leaf", "leaf_bright"]
        if autumn < 0.12:
            self.leaf_families += ["leaf_autumn", "leaf_autumn"]
        self.bare = 0.12 <= autumn < 0.2
        self.pitch = float(rng.uniform(*style.pitch))
        self.material = choose_key(rng, style.pitched)
        self.family: str | None = None
        if rng.random() < style.uniform:
            self.family = choose(rng, plan.local_roofs.families[self.material])
        self.taken: list[Plot] = []
        """Plots of the buildings of the block at hand: trunks and cars keep off them."""

    def world(self, u: float, v: float) -> tuple[float, float]:
        """Return world coordinates of a point of the frame."""
        return self.x + u * self.cos - v * self.sin, self.y + u * self.sin + v * self.cos

    def corners(self, plot: Plot) -> tuple[tuple[float, float], ...]:
        """Return the world corners of a plot."""
        u0, v0, u1, v1 = plot
        return tuple(self.world(u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1)))

    def colour(self, *families: str) -> Colour:
        """Return a colour of one of the families."""
        return draw(self.rng, choose(self.rng, families))

    def soil(self, kind: tuple[str, str, str] | None = None) -> Soil:
        """Return a ground cover of ``kind`` (cover, family, second family) or of the place's yards."""
        if kind is None:
            kind = self.style.yard[int(self.rng.integers(len(self.style.yard)))]
        return make_soil(self.rng, *kind)

    def area(self, plot: Plot, kind: tuple[str, str, str] | None = None, ragged: float = 0.0) -> None:
        """Lay a ground cover over a plot."""
        self.plan.areas.append(Area(self.corners(plot), self.soil(kind), self.angle, ragged))

    def water(self, plot: Plot, family: str = "water", ragged: float = 2.0, deep: float = 0.0) -> None:
        """Lay level water into a plot, ``deep`` metres below its banks; nothing where the ground falls too much."""
        heights = [self.plan.terrain.at(x, y) for x, y in self.corners(plot)]
        if max(heights) - min(heights) > 2.5:
            return
        soil = replace(self.soil(("clutter", family, family)), bump_m=0.0, stripe_m=0.0, share=0.2)
        level = min(heights) - float(self.rng.uniform(0.1, 0.8)) - deep
        self.plan.areas.append(Area(self.corners(plot), soil, self.angle, ragged, level=level))

    def building(
        self,
        plot: Plot,
        name: str | None = None,
        eave: float | None = None,
        turn: float = 0.0,
        plain: bool = False,
        ridge_along_u: bool | None = None,
        colours: tuple[Colour, Colour, float] | None = None,
        pitch: float | None = None,
    ) -> str:
        """Put a building on a plot and return the name of its roof class.

        Args:
            plot: the largest extent of its roof.
            name: roof class; None draws one.
            eave: height of the eave in metres; None draws one of the place.
            turn: angle against the frame, radians.
            plain: True for huts and sheds.
            ridge_along_u: direction of p; None takes the longer side.
            colours: colour, stain and stained share; None draws them.
            pitch: slope of the roof; None the district's.
        """
        rng = self.rng
        u0, v0, u1, v1 = plot
        size_u, size_v = u1 - u0, v1 - v0
        along_u = size_u >= size_v if ridge_along_u is None else ridge_along_u
        length, width = (size_u, size_v) if along_u else (size_v, size_u)
        if name is None:
            name = choose_class(rng, self.style.roofs, self.balance, max(length, width), min(length, width))
        if name in ("hipped_v1", "hipped_v2", "mansard", "pyramid", "revolved", "multiple_eave") and length < width:
            length, width, along_u = width, length, not along_u
        roof, outline = make_roof(rng, name, length, width, self.pitch if pitch is None else pitch)
        if eave is None:
            low, high = self.style.eave
            eave = float(low + (high - low) * rng.random() ** 1.4)
        x, y = self.world((u0 + u1) / 2, (v0 + v1) / 2)
        angle = self.angle + turn + (0.0 if along_u else math.pi / 2) + (math.pi if rng.random() < 0.5 else 0.0)
        self._add(x, y, angle, outline, roof, name, eave, plain, colours)
        self.taken.append(plot)
        return name

    def polygon_building(self, corners: tuple[tuple[float, float], ...], name: str, eave: float) -> None:
        """Put a building with a convex outline given in the frame: irregular houses of old towns."""
        rng = self.rng
        u = sum(c[0] for c in corners) / len(corners)
        v = sum(c[1] for c in corners) / len(corners)
        longest = max(
            range(len(corners)),
            key=lambda k: math.dist(corners[k], corners[(k + 1) % len(corners)]),
        )
        a, b = corners[longest], corners[(longest + 1) % len(corners)]
        turn = math.atan2(b[1] - a[1], b[0] - a[0])
        cos, sin = math.cos(turn), math.sin(turn)
        local = tuple(((c[0] - u) * cos + (c[1] - v) * sin, (c[1] - v) * cos - (c[0] - u) * sin) for c in corners)
        outline = Outline(corners=local)
        p0, q0, p1, q1 = outline.bounds
        roof, _ = make_roof(rng, name, max(p1 - p0, q1 - q0), max(min(p1 - p0, q1 - q0), 1.0), self.pitch * 0.7)
        x, y = self.world(u, v)
        self._add(x, y, self.angle + turn, outline, roof, name, eave, False, None)

    def _add(
        self, x: float, y: float, angle: float, outline: Outline, roof: Roof, name: str, eave: float, plain: bool,
        colours: tuple[Colour, Colour, float] | None,
    ) -> None:  # fmt: skip
        rng = self.rng
        level = name == "flat"
        if level:
            material = choose_key(rng, self.style.level)
        else:
            material = self.material if rng.random() < 0.7 else choose_key(rng, self.style.pitched)
        if name == "revolved" and rng.random() < 0.6:
            material = "metal"
        family = self.family if not level and rng.random() < 0.85 else None
        if colours is None:
            colours = roof_colours(rng, material, family, self.plan.local_roofs)
        colour, stain, share = colours
        if share == 0 and rng.random() < self.style.old * 0.5:
            share, stain = float(rng.uniform(0.1, 0.4)), self.colour("slate", "soil", "leaf", "thatch")
        # Old roofs sag and their tiles lie unevenly; sheets are weighed down with stones.
        uneven = float(rng.uniform(0.02, 0.14)) if rng.random() < 0.1 + 0.7 * self.style.old else 0.0
        self.plan.buildings.append(
            Building(
                id=len(self.plan.buildings) + 1,
                x=x,
                y=y,
                angle=angle,
                outline=outline,
                roof=roof,
                base=self.plan.terrain.at(x, y) + float(rng.uniform(0.0, 0.4)),
                eave=eave,
                colour=colour,
                stain_colour=stain,
                stain_share=share,
                material=material,
                details=make_details(rng, name, outline, roof, plain),
                overhang=float(rng.uniform(0.1, 0.8)),
                uneven=uneven,
            )
        )

    def ledges(self, side: str, depth: float, level: float, cover: float = 1.0, colour: Colour | None = None) -> None:
        """Put balconies, a porch or a canopy along one side of the last building (see `ledge_choice`)."""
        shade = self.colour("concrete", "white", "paving", "terracotta", "metal", "slate") if colour is None else colour
        last = self.plan.buildings[-1]
        self.plan.buildings[-1] = with_ledges(last, self.angle, side, depth, level, cover, shade, self.rng)

    def free(self, u: float, v: float, gap: float) -> bool:
        """Return whether a point of the frame lies ``gap`` metres off all buildings of the block at hand."""
        return not any(a - gap < u < c + gap and b - gap < v < d + gap for a, b, c, d in self.taken)

    def tree(self, u: float, v: float, scale: float = 1.0, tall: bool | None = None) -> None:
        """Plant a tree."""
        rng = self.rng
        x, y = self.world(u, v)
        palm = rng.random() < self.style.palms
        tall = bool(rng.random() < self.style.tall) if tall is None else tall
        radius = float(rng.uniform(2.4, 5.6) if tall else rng.uniform(0.5, 2.4)) * scale
        kind = "palm" if palm else ("cone" if rng.random() < 0.14 else "round")
        if palm:
            radius = float(rng.uniform(1.6, 3.2))
        height = radius * float(rng.uniform(1.4, 3.0)) if not palm else float(rng.uniform(3.5, 11))
        if not tall and not palm:
            height = radius * float(rng.uniform(1.0, 2.4))
        family = "bare" if self.bare and rng.random() < 0.6 else choose(rng, self.leaf_families)
        gaps = float(rng.uniform(0.35, 0.6)) if family == "bare" else float(max(rng.normal(0.1, 0.15), 0))
        colour, rough, key = draw(rng, family), float(rng.uniform(0.03, 0.34)), int(rng.integers(1 << 14))
        if tall and not palm and key % 8 == 0:  # poplars and old trees tower over the others
            height = min(height * (1.5 + key % 5 / 4), 34.0)
        self.plan.trees.append(Tree(x, y, radius, height, kind, colour, rough, min(gaps, 0.6), key))

    def scatter(self, plot: Plot, per_100m2: float, gap: float = 1.2, scale: float = 1.0) -> None:
        """Plant trees over a plot, off the buildings (their crowns may reach over them)."""
        u0, v0, u1, v1 = plot
        area = max(u1 - u0, 0) * max(v1 - v0, 0)
        for _ in range(min(int(self.rng.poisson(area / 100 * per_100m2 * self.lush)), 60)):
            u, v = self.rng.uniform(u0, u1), self.rng.uniform(v0, v1)
            if self.free(u, v, gap if self.rng.random() < 0.85 else -0.5):
                self.tree(u, v, scale)

    def thicket(self, u: float, v: float, spread: float, count: int) -> None:
        """Plant crowns of one or two kinds that grow into each other: shrubs below, a few trees above."""
        rng = self.rng
        kinds = [draw(rng, choose(rng, self.leaf_families)) for _ in range(2)]
        for k in range(count):
            x, y = self.world(u + float(rng.normal(0, spread)), v + float(rng.normal(0, spread)))
            radius = float(rng.uniform(0.5, 1.6) if k % 3 else rng.uniform(1.4, 3.6))
            shade = float(rng.uniform(0.75, 1.2))
            red, green, blue = kinds[int(rng.random() < 0.3)]
            colour = (red * shade, green * shade, blue * shade)
            height = radius * float(rng.uniform(1.0, 2.2))
            self.plan.trees.append(
                Tree(x, y, radius, height, "round", colour, float(rng.uniform(0.05, 0.34)), 0.05,
                     int(rng.integers(1 << 14)))
            )  # fmt: skip

    def live(self, plot: Plot) -> None:
        """Strew what people leave in yards: beds, paths, furniture, bins, parasols, thickets at the edge."""
        rng = self.rng
        u0, v0, u1, v1 = plot
        if u1 - u0 < 4 or v1 - v0 < 4:
            return
        for _ in range(int(rng.integers(0, 3))):
            u, v = rng.uniform(u0, u1 - 2), rng.uniform(v0, v1 - 2)
            kind = choose(rng, YARD_BEDS)
            size = (float(rng.uniform(1, 6)), float(rng.uniform(1, 6)))
            self.area((u, v, min(u + size[0], u1), min(v + size[1], v1)), kind, 0.25)
        for _ in range(int(rng.integers(0, 5))):
            u, v = rng.uniform(u0, u1), rng.uniform(v0, v1)
            if not self.free(u, v, 0.6):
                continue
            size3 = (float(rng.uniform(0.4, 2.2)), float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.4, 1.6)))
            kind2 = choose(rng, ("box", "rubble", "tent"), (0.6, 0.25, 0.15))
            if kind2 == "tent":
                size3 = (float(rng.uniform(1.8, 4.0)), float(rng.uniform(1.8, 3.5)), float(rng.uniform(2.0, 2.8)))
            angle = float(rng.normal(0, 0.4))
            colour = self.colour("white", "fabric", "slate", "soil", "concrete", "metal")
            self.thing(kind2, u, v, angle, size3, colour)
        for _ in range(int(rng.poisson(0.3 * self.lush))):  # clipped shrubs: flat and smooth as low roofs
            u, v = rng.uniform(u0, u1), rng.uniform(v0, v1)
            if self.free(u, v, 2.0):
                self.shrub(u, v)
        for _ in range(int(rng.poisson(0.7 * self.lush))):
            u = rng.uniform(u0, u1)
            v = choose(rng, (v0, v1, rng.uniform(v0, v1)))
            if self.free(u, v, 1.0):
                self.thicket(u, v, float(rng.uniform(0.8, 2.2)), int(rng.integers(3, 10)))

    def hedge(self, u0: float, v0: float, u1: float, v1: float) -> None:
        """Plant a hedge along a line of the frame."""
        rng = self.rng
        if math.hypot(u1 - u0, v1 - v0) < 2:
            return
        x0, y0 = self.world(u0, v0)
        x1, y1 = self.world(u1, v1)
        self.plan.hedges.append(
            Hedge(x0, y0, x1, y1, float(rng.uniform(0.6, 2.0)), float(rng.uniform(0.8, 3.2)),
                  self.colour(*self.leaf_families), float(rng.uniform(0.05, 0.3)), int(rng.integers(1 << 14)))
        )  # fmt: skip

    def shrub(self, u: float, v: float) -> None:
        """Plant a clipped shrub, box-shaped along the frame or across it, at a point of the frame."""
        rng = self.rng
        length, width = float(rng.uniform(1.2, 6.0)), float(rng.uniform(1.0, 3.0))
        du, dv = (length / 2, 0.0) if rng.random() < 0.5 else (0.0, length / 2)
        (x0, y0), (x1, y1) = self.world(u - du, v - dv), self.world(u + du, v + dv)
        self.plan.hedges.append(
            Hedge(x0, y0, x1, y1, width, float(rng.uniform(1.0, 3.2)), self.colour(*self.leaf_families),
                  float(rng.uniform(0.01, 0.12)), int(rng.integers(1 << 14)))
        )  # fmt: skip

    def wall(self, u0: float, v0: float, u1: float, v1: float) -> None:
        """Build a garden wall or fence along a line of the frame."""
        length = math.hypot(u1 - u0, v1 - v0)
        if length < 1:
            return
        rng = self.rng
        x0, y0 = self.world(u0, v0)
        x1, y1 = self.world(u1, v1)
        pieces = max(int(length // 12), 1)  # short pieces follow the ground
        height = float(rng.uniform(0.8, 2.4))
        colour = self.colour("concrete", "paving", "sand", "terracotta", "soil", "slate")
        width = float(rng.uniform(0.15, 0.4))
        for k in range(pieces):
            t = (k + 0.5) / pieces
            self.plan.things.append(
                Thing("wall", x0 + t * (x1 - x0), y0 + t * (y1 - y0), math.atan2(y1 - y0, x1 - x0),
                      length / pieces, width, height, colour, int(rng.integers(1 << 14)))
            )  # fmt: skip

    def thing(
        self, kind: str, u: float, v: float, angle: float, size: tuple[float, float, float], colour: Colour
    ) -> None:
        """Put a thing of length, width and height ``size`` at a point of the frame: metres, ``angle`` in radians."""
        x, y = self.world(u, v)
        self.plan.things.append(Thing(kind, x, y, self.angle + angle, *size, colour, int(self.rng.integers(1 << 14))))

    def car(self, u: float, v: float, angle: float) -> None:
        """Park a car, now and then a van or lorry, at a point of the frame (metres), turned by ``angle`` (radians)."""
        rng = self.rng
        size = (float(rng.uniform(3.6, 4.9)), float(rng.uniform(1.65, 1.95)), float(rng.uniform(1.35, 1.75)))
        kind = "car"
        if rng.random() < 0.13:
            kind = "van"
            size = (float(rng.uniform(4.5, 12.5)), float(rng.uniform(2.0, 2.6)), float(rng.uniform(2.0, 3.8)))
        self.thing(kind, u, v, angle + float(rng.normal(0, 0.04)), size, self.colour("car"))
