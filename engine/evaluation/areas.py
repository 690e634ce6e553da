"""The real areas that models are measured on, and never trained on: ``training`` refuses their files by name.

The files lie in the folder of real sample data (README, "Tests"): pieces of openly licensed surveys with classes from
LiDAR (IGN, Licence Ouverte 2.0), LoD2 roofs (Geobasis NRW, dl-de/zero-2.0) and drone mosaics with outlines checked by
people (OpenAerialMap and OpenStreetMap, ODbL).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """One area with a truth raster.

    Attributes:
        name: short name used in tables.
        truth: class raster, relative to the data folder.
        building: its values that mean building.
        ignored: its values that count neither way.
        rgb: rasters of the picture, side by side; empty: none.
        dsm: the surface, or None.
    """

    name: str
    truth: str
    building: tuple[int, ...]
    ignored: tuple[int, ...] = ()
    rgb: tuple[str, ...] = ()
    dsm: str | None = None


SURFACE_AREAS = (
    Area(
        "herault",
        "real/herault_77055_627760_class.tif",
        (6,),
        rgb=("real/herault_77055_627760_rgb.tif",),
        dsm="real/herault_77055_627760_dsm.tif",
    ),
    Area(
        "lidarprod",
        "real/lidarprod_876000_6617000_class.tif",
        (19,),
        ignored=(20,),
        rgb=("real/lidarprod_876000_6617000_rgb.tif",),
        dsm="real/lidarprod_876000_6617000_dsm.tif",
    ),
    Area(
        "pacasam",
        "real/pacasam_792000_6272000_class.tif",
        (6,),
        rgb=(
            "real/bd_ortho_vintage_rgb_792000_6272000-50mx100m-left-patch-0000000.tiff",
            "real/bd_ortho_vintage_rgb_792000_6272000-50mx100m-left-patch-0000001.tiff",
        ),
        dsm="real/pacasam_792000_6272000_dsm.tif",
    ),
    Area(
        "ctview",
        "terrain/ctview_770500_6277500_class.tif",
        (6,),
        dsm="terrain/ctview_770500_6277500_dsm.tif",
    ),
)
"""Areas with heights and building classes from LiDAR."""

PICTURE_AREAS = tuple(
    Area(name, f"footprints/{name}_mask.tif", (1,), rgb=(f"footprints/{name}_rgb.tif",))
    for name in ("fair_z19_0", "region1_z19_0", "region1_z19_1", "region5_z19_0", "region5_z19_1")
)
"""Drone mosaics of other continents, about 0.3 m, without heights."""

EMPTY_AREA = Area("autzen", "", (), rgb=("terrain/autzen_trim_rgb.tif",), dsm="terrain/autzen_trim_dsm.tif")
"""Fields and trees beside a river: no building at all."""

NEVER_TRAINED_ON = frozenset(
    {"herault_77055_627760", "lidarprod_876000", "pacasam_792000", "bd_ortho_vintage", "ctview_770500", "autzen_trim"}
    | {"nrw_32_280_5657", "LoD2_32_280_5657"}
    | {f"{name}_z{zoom}" for name in ("fair", "region1", "region5") for zoom in (19, 20)}
)
"""Parts of file names that no training list of the default model may hold."""


def check_never_trained_on(files: list[str]) -> None:
    """Refuse a training list that holds a test area.

    Raises:
        ValueError: naming the first file that is held back for evaluation.
    """
    for file in files:
        held = next((part for part in sorted(NEVER_TRAINED_ON) if part in file), None)
        if held is not None:
            raise ValueError(f"{file} is held back for evaluation ({held}) and must not be trained on")
