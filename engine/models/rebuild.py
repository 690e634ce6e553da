"""From a model package on disk back to a network that can learn."""

from __future__ import annotations

from collections.abc import Collection

from ..given import given
from ..jobs import ErrorCode, RidgelineError, from_dict
from .checkpoint import load_into, load_weights
from .config import DenseConfig
from .multitask import DenseModel
from .package import ModelPackage, WeightsSpec


def trainable_model(package: ModelPackage, kinds: Collection[str] | None = None) -> DenseModel:
    """Return the package's network with its weights, in float32 on the CPU.

    Args:
        package: with trainable weights.
        kinds: kinds of the rasters at hand (``rgb``, ``dsm``): a network for these alone is taken where there is one.
            None: the network for all inputs.

    Raises:
        RidgelineError: (BAD_MODEL) if the package holds no trainable weights, or they do not fit its architecture.
    """
    spec = package.spec
    weights = package.weights_for(frozenset(kinds), "safetensors") if kinds else None
    weights = weights or next((item for item in spec.weights if item.format == "safetensors"), None)
    if weights is None or spec.architecture is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {spec.name!r} cannot learn: it holds no trainable weights.",
            "Choose a model with trainable weights, such as the one that comes with Ridgeline.",
        )
    return _rebuilt(package, weights)


def networks_alone(package: ModelPackage) -> dict[str, DenseModel]:
    """Return the package's networks for one input alone, by the input's name, as `trainable_model` returns them."""
    listed = (item for item in package.spec.weights if item.format == "safetensors" and item.architecture)
    return {item.inputs[0]: _rebuilt(package, item) for item in listed}


def _rebuilt(package: ModelPackage, weights: WeightsSpec) -> DenseModel:
    package.verify(weights)
    architecture = given(weights.architecture or package.spec.architecture)
    model = DenseModel(from_dict(DenseConfig, architecture, "architecture"))
    tensors, _ = load_weights(package.path_of(weights.file))
    load_into(model, tensors, package.spec.name)
    return model.float()
