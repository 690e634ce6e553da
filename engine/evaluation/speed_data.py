"""Rasters and networks of the speed benchmark, made from fixed seeds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine, from_origin
from rasterio.warp import calculate_default_transform, reproject

from ..classes import LAND_COVER
from ..models.package import (
    ClassSpec,
    GsdSpec,
    HeightChannels,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    save_spec,
)
from ..raster.gdal_env import gdal_env
from ..terrain.height_channels import CHANNELS, RECIPE_VERSION

OVERLAPS = {"small": 77, "pair": 77, "free": 128}
"""Overlap of 512-pixel tiles by kind of network: 15 % and a quarter."""

_GSD = 0.25
_WEST, _NORTH = 500_000.0, 5_600_000.0
_CRS = "EPSG:25832"
_OTHER_CRS, _OTHER_GSD = "EPSG:3035", 0.4
_BLOCK = 512
_WAVES = ((3e-3, 1.1e-3, 40.0), (-1.7e-2, 2.3e-2, 25.0), (9e-2, 5e-2, 12.0))


def make_rgb(path: Path, side: int) -> None:
    """Write a square RGB: uint8, deflate, 512-pixel blocks; smooth shapes with the noise of a camera."""
    profile = {**_profile(side), "count": 3, "dtype": "uint8", "predictor": 2, "photometric": "rgb"}
    random = np.random.default_rng(1)
    with gdal_env(), rasterio.open(path, "w", **profile) as dataset:
        for row in range(0, side, _BLOCK):
            shape = _waves(row, side)
            bands = []
            for band in range(3):
                noise = random.integers(-6, 7, size=shape.shape, dtype=np.int16)
                bands.append(np.clip(shape * (1 - 0.2 * band) + 110 + noise, 0, 255).astype(np.uint8))
            dataset.write(np.stack(bands), window=rasterio.windows.Window(0, row, side, len(shape)))


def make_dsm(path: Path, side: int, aligned: bool) -> None:
    """Write a surface over the same ground: float32, on the RGB's grid or in another CRS and GSD."""
    profile = {**_profile(side), "count": 1, "dtype": "float32", "predictor": 3}
    if aligned:
        random = np.random.default_rng(2)
        with gdal_env(), rasterio.open(path, "w", **profile) as dataset:
            for row in range(0, side, _BLOCK):
                shape = _waves(row, side) / 10 + 200
                box = (np.arange(row, row + len(shape))[:, None] % 97 < 40) & (np.arange(side)[None, :] % 131 < 60)
                heights = shape + 7 * box + random.normal(0, 0.03, size=shape.shape)
                dataset.write(heights.astype(np.float32), 1, window=rasterio.windows.Window(0, row, side, len(shape)))
        return
    whole = path.with_name(f"dsm-{side}.tif")
    with gdal_env(), rasterio.open(whole) as source:
        transform, width, height = calculate_default_transform(
            source.crs, CRS.from_string(_OTHER_CRS), side, side, *source.bounds, resolution=_OTHER_GSD
        )
        profile.update(width=width, height=height, transform=transform, crs=_OTHER_CRS, nodata=-9999.0)
        with rasterio.open(path, "w", **profile) as dataset:
            reproject(
                rasterio.band(source, 1), rasterio.band(dataset, 1), resampling=Resampling.bilinear,
                dst_nodata=-9999.0, init_dest_nodata=True,
            )  # fmt: skip


def make_model(folder: Path, kind: str, overlap: int) -> None:
    """Write a package: ``small`` (RGB), ``pair`` (RGB and DSM) or ``free`` (RGB, costs nothing)."""
    import onnx

    folder.mkdir(parents=True)
    inputs = [InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((120.0,) * 3, (55.0,) * 3))]
    if kind == "pair":
        inputs.append(InputSpec("dsm", "dsm", ("height",), height_channels=HeightChannels(RECIPE_VERSION, CHANNELS)))
    channels = {item.name: item.channels for item in inputs}
    onnx.save(free_network(channels) if kind == "free" else small_network(channels), folder / "network.onnx")
    digest = hashlib.sha256((folder / "network.onnx").read_bytes()).hexdigest()
    classes = tuple(ClassSpec(item.id, item.name, item.hex_colour) for item in LAND_COVER)
    spec = ModelSpec(
        name=folder.name,
        version="1",
        inputs=tuple(inputs),
        gsd=GsdSpec(_GSD, _GSD, _GSD),
        tile=TileSpec(512, 32, overlap),
        outputs=(OutputSpec("land_cover", "classes", "land_cover", classes, "softmax"),),
        weights=(WeightsSpec("network.onnx", "onnx", tuple(channels), digest),),
        licence="GPL-2.0-or-later",
    )
    save_spec(spec, folder)


def small_network(channels: dict[str, int], classes: int = 6) -> Any:
    """Return the reference network as an ONNX model: about 85 000 parameters with three input channels.

    Three stages of a strided 3×3 convolution (16, 32, 64 channels), and a decoder of three 3×3 convolutions (40, 32, 32
    channels) that goes back up to full resolution, each time beside what had that size before.
    """
    net = _Graph(channels)
    bands = sum(channels.values())
    half = net.convolve(net.stacked, bands, 16, stride=2)
    quarter = net.convolve(half, 16, 32, stride=2)
    eighth = net.convolve(quarter, 32, 64, stride=2)
    up = net.convolve(net.concat(net.enlarge(eighth), quarter), 96, 40)
    up = net.convolve(net.concat(net.enlarge(up), half), 56, 32)
    up = net.convolve(net.concat(net.enlarge(up), net.stacked), 32 + bands, 32)
    return net.model(net.convolve(up, 32, classes, size=1, relu=False, last=True))


def free_network(channels: dict[str, int], classes: int = 6) -> Any:
    """Return a network that costs next to nothing, as an ONNX model.

    A mean over 4×4 pixels, one 1×1 convolution, and back to full size: its maps are as smooth as those of real
    networks, so that writing them costs what it costs with these.
    """
    net = _Graph(channels)
    small = net.convolve(net.shrink(net.stacked, 4), sum(channels.values()), classes, size=1, relu=False)
    return net.model(net.enlarge(small, 4, last=True))


class _Graph:
    """Builds an ONNX graph step by step; names are numbered."""

    def __init__(self, channels: dict[str, int]) -> None:
        from onnx import helper

        self._helper = helper
        self._channels = channels
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._random = np.random.default_rng(3)
        self.stacked = self._node("Concat", list(channels), axis=1) if len(channels) > 1 else next(iter(channels))

    def convolve(
        self, x: str, before: int, after: int, stride: int = 1, size: int = 3, relu: bool = True, last: bool = False
    ) -> str:
        spread = (2 / (before * size * size)) ** 0.5
        weight = self._constant(self._random.normal(0, spread, (after, before, size, size)).astype(np.float32))
        bias = self._constant(np.zeros(after, np.float32))
        attributes = {"strides": [stride, stride], "pads": [size // 2] * 4}
        out = self._node("Conv", [x, weight, bias], name="land_cover" if last else None, **attributes)
        return self._node("Relu", [out]) if relu else out

    def concat(self, *parts: str) -> str:
        return self._node("Concat", list(parts), axis=1)

    def shrink(self, x: str, by: int) -> str:
        return self._node("AveragePool", [x], kernel_shape=[by, by], strides=[by, by])

    def enlarge(self, x: str, by: int = 2, last: bool = False) -> str:
        scales = self._constant(np.array([1, 1, by, by], np.float32))
        return self._node("Resize", [x, "", scales], name="land_cover" if last else None, mode="nearest")

    def model(self, _last: str, classes: int = 6) -> Any:
        from onnx import TensorProto

        def info(name: str, channels: int) -> Any:
            return self._helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", channels, 512, 512])

        graph = self._helper.make_graph(
            self._nodes,
            "speed",
            [info(name, count) for name, count in self._channels.items()],
            [info("land_cover", classes)],
            self._constants,
        )
        return self._helper.make_model(graph, opset_imports=[self._helper.make_opsetid("", 17)], ir_version=8)

    def _node(self, kind: str, inputs: list[str], name: str | None = None, **attributes: Any) -> str:
        name = name or f"n{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name


def _profile(side: int) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "width": side,
        "height": side,
        "crs": _CRS,
        "transform": _transform(),
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "compress": "deflate",
        "zlevel": 6,
    }


def _transform() -> Affine:
    return from_origin(_WEST, _NORTH, _GSD, _GSD)


def _waves(row: int, side: int) -> NDArray[np.float64]:
    """Return the shapes of one row of blocks: a few sine waves, from about -77 to 77."""
    rows, cols = np.arange(row, min(row + _BLOCK, side))[:, None], np.arange(side)[None, :]
    return np.asarray(sum(size * np.sin(a * rows) * np.cos(b * cols) for a, b, size in _WAVES))
