"""Find out what a network takes and gives by running it on a tile or two; and try a whole package the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...jobs import ErrorCode, RidgelineError
from .load import ModelPackage

_SIDES = (256, 512, 224, 384, 640, 1024)
"""Sides that are tried, in this order, where the network fixes none."""
_MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
_RUNS = (0.0, 0.5, 1.0, 4.0)
"""Spreads of the noise that the trials are made of: 0 is an even tile."""
_MOST_CHANNELS = 64


@dataclass(frozen=True)
class TensorShape:
    """An image tensor of a network.

    Attributes:
        name: its name.
        channels: number of channels.
        side: side in pixels that it had in the trial.
        low: lowest value in the trials (outputs).
        high: highest value in the trials (outputs).
        sums_to_one: whether the channels of each pixel added up to one in all trials (outputs).
        bytes: whether it takes whole numbers from 0 to 255 (inputs).
    """

    name: str
    channels: int
    side: int
    low: float = 0.0
    high: float = 0.0
    sums_to_one: bool = False
    bytes: bool = False

    def side_missing(self, tile: int) -> int:
        """Return how many pixels on each side of a tile a map leaves out."""
        return (tile - self.side) // 2


@dataclass(frozen=True)
class NetworkShape:
    """What a network takes and gives.

    Attributes:
        inputs: in the network's order.
        outputs: in the network's order; only those that are maps.
        fixed: whether the network takes tiles of one size only.
        multiple: what a tile's side must be a multiple of.
    """

    inputs: tuple[TensorShape, ...]
    outputs: tuple[TensorShape, ...]
    fixed: bool
    multiple: int


def probe_network(path: Path, file: str, channels: dict[str, int] | None = None) -> NetworkShape:
    """Run an ONNX file on tiles of noise. The file's external data must have been checked before.

    Args:
        path: the ONNX file.
        file: what the user calls it, for messages.
        channels: channels by input, for inputs whose number of channels the network leaves open.

    Raises:
        RidgelineError: (BAD_MODEL) if it takes anything but one or two square images, gives no map, or cannot be run.
    """
    session = _session(path, file)
    fixed_side, shapes = _declared_inputs(session, file, channels or {})
    sides = (fixed_side,) if fixed_side else _SIDES
    side, results, fault = _first_that_runs(session, shapes, sides)
    if results is None:
        raise _bad(file, f"cannot be run on tiles of {' or '.join(map(str, sides))} pixels ({fault})")
    outputs = _outputs(session, shapes, side, file)
    multiple = side if fixed_side else _multiple(session, shapes, side, [item.name for item in outputs])
    inputs = tuple(TensorShape(name, count, side, bytes=kind is np.uint8) for name, (count, _, kind) in shapes.items())
    return NetworkShape(inputs, outputs, fixed_side is not None, multiple)


def probe_package(package: ModelPackage) -> None:
    """Run every ONNX file of a package on two tiles of noise, through the same code that computes later.

    Raises:
        RidgelineError: (BAD_MODEL) naming the output that is no map of the promised channels, or why it does not run.
    """
    from ...runtime.onnx_predictor import OnnxPredictor

    random = np.random.default_rng(0)
    side = package.spec.tile.size
    channels = {item.name: item.channels for item in package.spec.inputs}
    for weights in package.spec.weights:
        if weights.format != "onnx":
            continue
        predictor = OnnxPredictor(package, weights, device="cpu")
        tiles = {
            name: random.normal(size=(1, channels[name], side, side)).astype(np.float32) for name in weights.inputs
        }
        for name, maps in predictor.predict(tiles).items():
            if not np.isfinite(maps).all():
                raise RidgelineError(
                    ErrorCode.BAD_MODEL,
                    f"The output {name!r} of {weights.file!r} is not a number for a tile of ordinary noise.",
                    "Check the network; half precision often overflows.",
                )


def _session(path: Path, file: str) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # ONNX Runtime's exceptions share no base but Exception
        raise _bad(file, f"cannot be opened ({_short(fault)})") from fault


def _declared_inputs(
    session: Any, file: str, stated: dict[str, int]
) -> tuple[int | None, dict[str, tuple[int, int, Any]]]:
    """Return the side that the inputs are fixed to (or None), and channels, batch and type of each."""
    from ...runtime.onnx_predictor import TENSOR_TYPES

    inputs = session.get_inputs()
    if len(inputs) not in (1, 2):
        raise _bad(file, f"takes {len(inputs)} inputs; one or two pictures can be used")
    shapes, sides = {}, set()
    for item in inputs:
        if item.type not in TENSOR_TYPES or len(item.shape) != 4:
            raise _bad(file, f"takes an input {item.name!r} that is no picture [batch, channels, height, width]")
        batch, channels, *size = item.shape
        count = channels if isinstance(channels, int) else stated.get(item.name, 3)
        if not 1 <= count <= _MOST_CHANNELS:
            raise _bad(file, f"takes an input {item.name!r} with {count} channels; the channels must come first")
        fixed = {value for value in size if isinstance(value, int)}
        if len(fixed) > 1:
            raise _bad(file, f"takes tiles of {size[1]} × {size[0]} pixels; tiles must be square")
        sides |= fixed
        shapes[item.name] = (count, batch if isinstance(batch, int) else 1, TENSOR_TYPES[item.type])
    if len(sides) > 1:
        raise _bad(file, "takes pictures of different sizes")
    return (sides.pop() if sides else None), shapes


def _first_that_runs(session: Any, shapes: dict[str, Any], sides: tuple[int, ...]) -> tuple[int, Any, str]:
    fault = ""
    for side in sides:
        try:
            return side, _run(session, shapes, side, None, 1.0), ""
        except Exception as caught:  # whatever the runtime says: the next size may fit
            fault = fault or _short(caught)
    return 0, None, fault


def _run(session: Any, shapes: dict[str, Any], side: int, names: list[str] | None, spread: float) -> list[Any]:
    random = np.random.default_rng(1)
    feed = {}
    for name, (channels, batch, kind) in shapes.items():
        noise = random.normal(0.4, spread, size=(batch, channels, side, side))
        feed[name] = (np.clip(noise * 64 + 64, 0, 255) if kind is np.uint8 else noise).astype(kind)
    found: list[Any] = session.run(names, feed)
    return found


def _outputs(session: Any, shapes: dict[str, Any], side: int, file: str) -> tuple[TensorShape, ...]:
    names = [item.name for item in session.get_outputs()]
    trials = [_run(session, shapes, side, None, spread) for spread in _RUNS]
    outputs = []
    for index, name in enumerate(names):
        arrays = [np.asarray(trial[index], dtype=np.float64) for trial in trials if np.ndim(trial[index]) in (3, 4)]
        maps = [array[:, None] if array.ndim == 3 else array for array in arrays]
        if len(maps) == len(trials) and _is_map(maps[0], side):
            outputs.append(_described(name, maps))
    if not outputs:
        found = ", ".join(f"{name} {list(np.shape(trials[0][i]))}" for i, name in enumerate(names))
        raise _bad(file, f"gives no map of the tile's size {side} × {side} (it gives {found})")
    return tuple(outputs)


def _is_map(array: NDArray[np.float64], side: int) -> bool:
    height, width = array.shape[2:]
    return bool(height == width and side // 2 < height <= side and (side - height) % 2 == 0)


def _described(name: str, maps: list[NDArray[np.float64]]) -> TensorShape:
    sums = all(np.allclose(array.sum(axis=1), 1, atol=1e-3) for array in maps)
    low, high = min(float(array.min()) for array in maps), max(float(array.max()) for array in maps)
    return TensorShape(name, maps[0].shape[1], maps[0].shape[2], low, high, sums and low >= 0)


def _multiple(session: Any, shapes: dict[str, Any], side: int, names: list[str]) -> int:
    """Return the smallest multiple that a side may be of: the network runs, and its maps are as large as its tile."""
    for multiple in _MULTIPLES:
        odd = 64 // multiple * multiple + multiple if multiple < 64 else 3 * multiple
        try:
            maps = _run(session, shapes, odd, names, 1.0)
        except Exception:  # whatever the runtime says: this size does not fit
            maps = []
        if maps and all(np.shape(found)[-1] == odd for found in maps):
            return multiple
    return side


def _short(fault: Exception) -> str:
    text = " ".join(str(fault).split()).split(" : ", 1)[-1]
    return text if len(text) <= 200 else text[:197] + "…"


def _bad(file: str, what: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.BAD_MODEL, f"The network {file!r} {what}.", "Export the network again, or choose another file."
    )
