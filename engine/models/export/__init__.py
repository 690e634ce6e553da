"""From a trained network to a model package: ONNX graphs for every set of inputs, over one file of weights."""

from __future__ import annotations

from .package_writer import PackageInfo, export_package

__all__ = ["PackageInfo", "export_package"]
