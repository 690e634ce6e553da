"""``ridgeline scenes``: synthetic towns as rasters with their truth, for trying things out at any size."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..feedback import Feedback
from .progressbar import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    from ..scenes.styles import STYLES

    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--size-m", type=float, default=1000.0, help="side of the square in metres (default 1000)")
    parser.add_argument("--gsd", type=float, default=0.25, help="metres per pixel (default 0.25)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives another town (default 1)")
    parser.add_argument("--count", type=int, default=1, help="number of towns (default 1)")
    parser.add_argument("--style", choices=sorted(STYLES), help="build one kind of place only")
    parser.add_argument(
        "--sensor", choices=("lidar", "photogrammetry", "exact"), default="lidar", help="how heights are seen"
    )
    parser.add_argument("--slope", type=float, default=0.06, help="steepest mean slope of the ground (default 0.06)")
    parser.add_argument("--epsg", type=int, default=25832, help="CRS in metres to place the towns in (default 25832)")
    parser.add_argument("--feet", action="store_true", help="write the heights in feet, as a trap")
    parser.add_argument(
        "--city", type=Path, help="a CityGML or CityJSON file: dress its true roofs instead of inventing a town"
    )


def run(args: argparse.Namespace) -> int:
    """Write the scenes and print where they are."""
    from ..scenes.sensor import SensorConfig
    from ..scenes.write import TownConfig, write_city, write_town

    bar = ProgressBar(sys.stderr, sys.stdout)
    feedback = Feedback(bar.show)
    try:
        for number in range(args.count):
            seed, name = args.seed + number, f"scene_{args.seed + number:04d}"
            if args.city is not None:
                files = write_city(args.out, name, args.city, seed, args.gsd, args.sensor, feedback)
            else:
                config = TownConfig(
                    size_m=args.size_m,
                    gsd=args.gsd,
                    epsg=args.epsg,
                    styles=((args.style, 1.0),) if args.style else (),
                    max_slope=args.slope,
                    sensor=SensorConfig(kind=args.sensor),
                    feet=args.feet,
                )
                files = write_town(args.out, name, seed, config, feedback, place=number)
            print(files.truth)
    finally:
        bar.close()
    return 0
