"""One Predictor protocol; ONNX Runtime and PyTorch behind it; device choice."""

from .open import open_predictor
from .predictor import DeviceReport, Predictor, Tensors

__all__ = ["DeviceReport", "Predictor", "Tensors", "open_predictor"]
