"""The catalogue of models that can be downloaded: a JSON file at an address that the user can set."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Tuple

from .codec import from_dict
from .errors import ErrorCode, RidgelineError

CATALOGUE_FORMAT = 1
MAX_CATALOGUE_BYTES = 8 * 1024 * 1024

_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class CatalogueEntry:
    """One model that can be downloaded."""

    name: str
    version: str
    title: str
    url: str
    """Address of a zip of the model's folder: https, http or file, or relative to the catalogue's own."""
    sha256: str
    """Of the zip: 64 hexadecimal digits; ``sha256:`` in front is taken off."""
    size_bytes: int
    """Of the zip."""
    licence: str
    description: str = ""
    licence_url: str = ""
    homepage: str = ""
    inputs: Tuple[str, ...] = ()
    """Kinds of rasters that it takes: ``rgb``, ``dsm``."""
    gsd: Tuple[float, float] = (0.0, 0.0)
    """The smallest and largest metres per pixel that it accepts."""
    classes: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        digits = _SHA256.fullmatch(self.sha256)
        if digits is None:
            raise ValueError(f"the SHA-256 of {self.name!r} must be 64 hexadecimal digits")
        object.__setattr__(self, "sha256", digits.group(1))
        if self.size_bytes <= 0:
            raise ValueError(f"the size of {self.name!r} must be positive")
        if not self.licence:
            raise ValueError(f"the model {self.name!r} names no licence")
        scheme, separator, _ = self.url.partition("://")
        if separator and scheme.lower() not in ("https", "http", "file"):
            raise ValueError(f"the address of {self.name!r} must begin with https, http or file")


@dataclass(frozen=True)
class Catalogue:
    """All that a catalogue offers."""

    models: Tuple[CatalogueEntry, ...]
    format: int = CATALOGUE_FORMAT
    title: str = ""

    def __post_init__(self) -> None:
        if self.format != CATALOGUE_FORMAT:
            raise ValueError(f"format {self.format} is not known (this version reads {CATALOGUE_FORMAT})")
        names = [(item.name, item.version) for item in self.models]
        if len(set(names)) != len(names):
            raise ValueError("names a model twice")


def read_catalogue(text: bytes) -> Catalogue:
    """Return the catalogue that the bytes of its file hold.

    Raises:
        RidgelineError: (DOWNLOAD_FAILED) if they are no catalogue; (BAD_JOB) naming the field that is at fault.
    """
    if len(text) > MAX_CATALOGUE_BYTES:
        raise _no_catalogue("it is too large")
    try:
        data: Any = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise _no_catalogue("it is no JSON") from fault
    return from_dict(Catalogue, data, "catalogue")


def _no_catalogue(why: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.DOWNLOAD_FAILED, f"The address holds no catalogue of models: {why}.", "Check the address."
    )
