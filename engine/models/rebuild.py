"""From a model package on disk back to a network that can learn."""

from __future__ import annotations

from ..jobs import ErrorCode, RidgelineError, from_dict
from .checkpoint import load_into, load_weights
from .config import DenseConfig
from .multitask import DenseModel
from .package import ModelPackage


def trainable_model(package: ModelPackage) -> DenseModel:
    """Return the package's network with its weights, in float32 on the CPU.

    Raises:
        RidgelineError: (BAD_MODEL) if the package holds no trainable weights, or they do not fit its architecture.
    """
    spec = package.spec
    weights = next((item for item in spec.weights if item.format == "safetensors"), None)
    if weights is None or spec.architecture is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {spec.name!r} cannot learn: it holds no trainable weights.",
            "Choose a model with trainable weights, such as the one that comes with Ridgeline.",
        )
    package.verify(weights)
    model = DenseModel(from_dict(DenseConfig, spec.architecture, "architecture"))
    tensors, _ = load_weights(package.path_of(weights.file))
    load_into(model, tensors, spec.name)
    return model.float()
