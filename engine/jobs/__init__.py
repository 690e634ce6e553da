"""What can be asked of the engine and what it answers: dataclasses to and from JSON.

Standard library only, Python 3.9 and newer: this is the one engine room that the QGIS plugin imports.
"""

from .codec import PROTOCOL_VERSION, check_texts, from_dict, to_dict
from .errors import Cancelled, ErrorCode, RidgelineError
from .events import NEWS, Error, Event, Progress, Result, Started, Warn, event_from_line, event_to_line
from .inputs import RasterInput, Region
from .segment import BuildingOptions, SegmentJob

__all__ = [
    "NEWS",
    "PROTOCOL_VERSION",
    "BuildingOptions",
    "Cancelled",
    "Error",
    "ErrorCode",
    "Event",
    "Progress",
    "RasterInput",
    "Region",
    "Result",
    "RidgelineError",
    "SegmentJob",
    "Started",
    "Warn",
    "check_texts",
    "event_from_line",
    "event_to_line",
    "from_dict",
    "to_dict",
]
