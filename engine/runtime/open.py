"""Open a model for computing: picks the runtime, the weights and the device."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection

from ..jobs import ErrorCode, RidgelineError
from ..models.package import ModelPackage, WeightsSpec
from .crop import Cropped, tells_what_is_known
from .devices import has_nvidia_gpu
from .enlarge import Enlarged
from .looks import ManyLooks
from .predictor import Predictor

_RUNTIMES = ("auto", "onnx", "torch")
_PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")


def open_predictor(
    package: ModelPackage,
    kinds: Collection[str],
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    at_once: int = 1,
    looks: int | None = None,
) -> Predictor:
    """Load the weights of ``package`` that take the rasters at hand.

    ``runtime="auto"`` takes ONNX Runtime where the package holds a graph, and PyTorch where it does not or where only
    PyTorch reaches the NVIDIA GPU of this computer.

    Args:
        package: the model; the hashes of the weights are checked before they are opened.
        kinds: kinds of the rasters at hand: ``rgb``, ``dsm`` or both.
        device: ``auto``, ``cpu``, ``cuda``, … (``devices.PROVIDERS``).
        runtime: ``auto``, ``onnx`` or ``torch``.
        precision: ``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        threads: threads on the CPU; None: all that this process may use.
        at_once: calls of ``predict`` that shall be under way at the same time, sharing the CPU's threads; how many the
            runtime really takes stands in its report.
        looks: how often to look at each tile (``jobs.segment.LOOKS``); None: what the package advises. With more than
            one, a picture by itself is looked at from further off, too, where the package wants it (``TileSpec``).

    Raises:
        RidgelineError: (BAD_JOB) no such runtime, device or precision; (BAD_MODEL) the package holds no weights for
            these inputs, or damaged ones; (DEVICE_UNAVAILABLE), (MISSING_LIBRARY), (OUT_OF_MEMORY).
    """
    _check_choice("runtime", runtime, _RUNTIMES)
    _check_choice("precision", precision, _PRECISIONS)
    predictor = _open_one(package, frozenset(kinds), device, runtime, precision, threads, at_once)
    spec, report = package.spec, predictor.report
    looks = looks or spec.tile.looks
    seen = {item.kind for item in spec.inputs if item.kind in kinds}
    coarse = spec.tile.coarse_picture and looks > 1 and seen == {"rgb"} and report.any_size
    if looks > 1:
        predictor = ManyLooks(predictor, spec, looks, coarse)
    if any(item.stride > 1 for item in spec.outputs):
        predictor = Enlarged(predictor, spec)
    # graphics cards take tiles together, all of one size; and networks of others may answer for the middle of a tile
    # alone, which then must be all of it
    one_by_one = report.runtime == "onnx" and report.device == "cpu" and report.any_size
    if one_by_one and spec.architecture and tells_what_is_known(spec, kinds):
        predictor = Cropped(predictor, spec, spec.tile.multiple * (2 if coarse else 1))
    return predictor


def _open_one(
    package: ModelPackage,
    wanted: frozenset[str],
    device: str,
    runtime: str,
    precision: str,
    threads: int | None,
    at_once: int,
) -> Predictor:
    graph = package.weights_for(wanted, "onnx", precision)
    trained = _has_trained(package, wanted)
    if (
        graph is not None
        and runtime != "torch"
        and not (runtime == "auto" and trained and _only_torch_has_cuda(device))
    ):
        from .onnx_predictor import OnnxPredictor

        return OnnxPredictor(package, _for_device(package, wanted, graph, device, precision), device, threads, at_once)
    if trained and runtime != "onnx":
        from .torch_predictor import TorchPredictor

        return TorchPredictor(package, wanted, device, precision, threads)
    raise _no_weights(package, wanted, runtime, precision)


def _has_trained(package: ModelPackage, kinds: frozenset[str]) -> bool:
    """Return whether trained weights run on these rasters: they may leave optional inputs out."""
    names = {item.name for item in package.spec.inputs if item.kind in kinds}
    needed = {item.name for item in package.spec.inputs if not item.optional}
    listed = (item for item in package.spec.weights if item.format == "safetensors")
    return bool(names) and any(needed & set(item.inputs) <= names <= set(item.inputs) for item in listed)


def _for_device(
    package: ModelPackage, kinds: frozenset[str], graph: WeightsSpec, device: str, precision: str
) -> WeightsSpec:
    """Return half-precision weights on a GPU where the package has them and the user left the choice to us.

    ``int8`` weights are made for CPUs; a GPU computes them slower than ``fp32``.
    """
    if precision != "auto":
        return graph
    import onnxruntime as ort

    from .devices import choose_device, onnx_devices

    offered = onnx_devices(ort.get_available_providers())
    if choose_device(device, offered, has_nvidia_gpu(), "ONNX Runtime").device == "cpu":
        return graph
    for better in ("fp16", "fp32"):
        weights = package.weights_for(kinds, "onnx", better)
        if weights is not None:
            return weights
    return graph


def _only_torch_has_cuda(device: str) -> bool:
    if device not in ("auto", "cuda") or not has_nvidia_gpu() or importlib.util.find_spec("torch") is None:
        return False
    import onnxruntime as ort

    if "CUDAExecutionProvider" in ort.get_available_providers():
        return False
    from .torch_predictor import torch_has_cuda

    return torch_has_cuda()


def _check_choice(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise RidgelineError(ErrorCode.BAD_JOB, f"There is no {what} {value!r}.", f"Choose one of: {', '.join(known)}.")


def _no_weights(package: ModelPackage, kinds: frozenset[str], runtime: str, precision: str) -> RidgelineError:
    names = {"rgb": "an RGB raster", "dsm": "a DSM"}
    asked = " and ".join(names.get(kind, kind) for kind in sorted(kinds, reverse=True)) or "no raster"
    kind_of = {item.name: item.kind for item in package.spec.inputs}
    takes = sorted({" + ".join(sorted({kind_of[n] for n in w.inputs}, reverse=True)) for w in package.spec.weights})
    extra = "" if runtime == "auto" and precision == "auto" else f" with runtime {runtime} and precision {precision}"
    return RidgelineError(
        ErrorCode.BAD_MODEL,
        f"The model {package.spec.name!r} cannot run on {asked} alone{extra}."
        if len(kinds) == 1
        else f"The model {package.spec.name!r} cannot run on {asked}{extra}.",
        f"It takes: {'; '.join(takes)}.",
    )
