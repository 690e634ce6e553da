"""Arguments that several commands have, each explained once."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import ErrorCode, RasterInput, Region, RidgelineError

HEIGHT_UNITS = ("metre", "foot", "us-foot")


def add_rgb(parser: argparse._ActionsContainer) -> None:
    """Add the picture, and what the user knows better than its file."""
    parser.add_argument("--rgb", metavar="FILE", help="the picture: any raster that GDAL reads")
    parser.add_argument("--rgb-bands", metavar="N", nargs="+", type=int, help="its bands for red, green and blue")
    _add_georeference(parser, "rgb")


def add_dsm(parser: argparse._ActionsContainer) -> None:
    """Add the surface model, and what the user knows better than its file."""
    parser.add_argument("--dsm", metavar="FILE", help="the surface model, heights in metres unless it says otherwise")
    parser.add_argument("--dsm-band", metavar="N", type=int, help="its band of heights")
    parser.add_argument("--dsm-unit", choices=HEIGHT_UNITS, help="unit of the heights where the file does not say it")
    _add_georeference(parser, "dsm")


def _add_georeference(parser: argparse._ActionsContainer, kind: str) -> None:
    parser.add_argument(f"--{kind}-crs", metavar="CRS", help="its CRS, where the file has none or a wrong one")
    parser.add_argument(
        f"--{kind}-nodata", metavar="VALUE", type=float,
        help="its value for “nothing here”; one that no pixel has (-1 for a picture) for none",
    )  # fmt: skip


def rgb_of(args: argparse.Namespace) -> RasterInput | None:
    """Return the picture that ``add_rgb``'s arguments name, if they name one."""
    if args.rgb is None:
        return None
    return RasterInput(args.rgb, tuple(args.rgb_bands or ()), args.rgb_crs, args.rgb_nodata)


def dsm_of(args: argparse.Namespace) -> RasterInput | None:
    """Return the surface model that ``add_dsm``'s arguments name, if they name one."""
    if args.dsm is None:
        return None
    bands = (args.dsm_band,) if args.dsm_band else ()
    return RasterInput(args.dsm, bands, args.dsm_crs, args.dsm_nodata, args.dsm_unit)


def add_region(parser: argparse._ActionsContainer, default: str, crs: str) -> None:
    """Add the three ways to say where: ``default`` is where without them, ``crs`` whose CRS numbers are in."""
    parser.add_argument(
        "--region",
        metavar="REGION",
        nargs="+",
        help=f"XMIN YMIN XMAX YMAX, or a vector file with polygons (default: {default})",
    )
    parser.add_argument("--region-crs", metavar="CRS", help=f"CRS of the region (default: {crs}, or the file's own)")
    parser.add_argument("--region-layer", metavar="NAME", help="layer of the vector file (default: its first)")


def region_of(args: argparse.Namespace) -> Region | None:
    """Return the region that ``add_region``'s arguments name: four numbers, or a vector file.

    Raises:
        RidgelineError: (BAD_REGION) if it is neither.
    """
    words: list[str] = args.region or []
    if not words:
        return None
    if len(words) == 1:
        return Region(path=words[0], layer=args.region_layer, crs=args.region_crs)
    try:
        xmin, ymin, xmax, ymax = (float(word) for word in words)
    except ValueError:
        raise RidgelineError(
            ErrorCode.BAD_REGION,
            f"The region {' '.join(words)!r} is neither four numbers nor a file.",
            "Give XMIN YMIN XMAX YMAX, or one vector file.",
        ) from None
    return Region(bbox=(xmin, ymin, xmax, ymax), crs=args.region_crs)


def add_folder(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the folder that gets ``what`` (a plural), and whether they may be replaced."""
    parser.add_argument("--out", metavar="DIR", help=f"folder for the {what}")
    parser.add_argument("--overwrite", action="store_true", help=f"replace {what} that are in the folder")


def folder_of(args: argparse.Namespace) -> str:
    """Return the folder that gets the results.

    Raises:
        RidgelineError: (BAD_JOB) if none was named.
    """
    if args.out is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "There is no output folder.", "Name one with --out.")
    return str(Path(args.out).expanduser())


def add_protocol(parser: argparse._ActionsContainer) -> None:
    """Add what programs use: a job as JSON, and JSON lines for an answer."""
    parser.add_argument("--job", metavar="FILE", help="the job as JSON, in place of all the above")
    add_events(parser)


def add_events(parser: argparse._ActionsContainer) -> None:
    """Add JSON lines for an answer."""
    parser.add_argument("--events", action="store_true", help="speak JSON lines on standard output")
