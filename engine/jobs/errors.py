"""Error codes, and the one exception that the engine raises for faults a user can do something about."""

from __future__ import annotations

from enum import Enum


class ErrorCode(str, Enum):
    """Stable names of what can go wrong; the plugin and scripts may rely on them."""

    BAD_JOB = "bad_job"
    """The job itself is malformed: unknown key, wrong type, contradictory options."""
    INPUT_MISSING = "input_missing"
    """A file, or a file it refers to (a VRT's source), does not exist."""
    INPUT_UNREADABLE = "input_unreadable"
    """A raster cannot be opened, or fails while it is read."""
    NO_CRS = "no_crs"
    NO_GEOREFERENCE = "no_georeference"
    BAD_CRS = "bad_crs"
    BAD_BANDS = "bad_bands"
    """Wrong band count, or a named band that the raster does not have."""
    BAD_SURFACE = "bad_surface"
    """A DSM that is constant, wholly nodata, or looks like an 8-bit picture."""
    LAYERS_SWAPPED = "layers_swapped"
    NO_OVERLAP = "no_overlap"
    BAD_REGION = "bad_region"
    GSD_OUT_OF_RANGE = "gsd_out_of_range"
    BAD_MODEL = "bad_model"
    """A model package that is missing, damaged, or does not fit the request."""
    BAD_LABELS = "bad_labels"
    DEVICE_UNAVAILABLE = "device_unavailable"
    MISSING_LIBRARY = "missing_library"
    """An optional library (torch, say) is not installed."""
    OUTPUT_EXISTS = "output_exists"
    OUTPUT_NOT_WRITABLE = "output_not_writable"
    DISK_FULL = "disk_full"
    OUT_OF_MEMORY = "out_of_memory"
    TILE_FAILED = "tile_failed"
    """The model failed on a tile; the message gives its coordinates."""
    DOWNLOAD_FAILED = "download_failed"
    ENGINE_NOT_READY = "engine_not_ready"
    """The plugin has no Python to run the engine with, or setting one up failed."""
    ENGINE_DIED = "engine_died"
    """The engine's process ended without giving a result or an error."""
    CANCELLED = "cancelled"
    INTERNAL = "internal"
    """A fault of Ridgeline itself; worth reporting."""


class RidgelineError(Exception):
    """A fault in one sentence that names what is wrong, with a hint that says what to do.

    Attributes:
        code: which kind of fault it is.
        message: one sentence naming the layer, file or class and what is wrong with it.
        hint: what the user can do about it.
    """

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Cancelled(RidgelineError):
    """The user cancelled; what was finished before is kept for a later resume."""

    def __init__(self, message: str = "The run was cancelled.") -> None:
        super().__init__(ErrorCode.CANCELLED, message, "Run it again to continue where it stopped.")
