"""One Predictor protocol; ONNX Runtime and PyTorch behind it; device choice."""
