"""The picture of a scene: sun and sky on the reflectance, then the air, the camera and the file format."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from .canvas import Canvas
from .chance import choose
from .native import NativeLattice
from .noise import FloatArray, noise
from .sensor import shifted, upwind_maximum


@dataclass(frozen=True)
class PictureConfig:
    """How a scene is lit and taken.

    Attributes:
        azimuth: direction towards the sun in world radians.
        elevation: height of the sun over the horizon, radians.
        sun: strength of direct light, 0 under clouds.
        sky: strength of the light from the sky.
        shadow_blue: how blue the shadows are, 0..0.3.
        haze: share of white veil, 0..0.3.
        brightness: where the exposure puts the mean of the picture, 0..1, in great part.
        metered: mean that the exposure goes by; None: the mean of the window itself.
        gain: white balance of red, green and blue.
        gamma: contrast exponent around mid-grey.
        saturation: 1 as it is.
        blur_px: blur of the optics in pixels.
        sharpen: strength of unsharp masking.
        noise: grain, in 0..1 units.
        jpeg: quality 20..95; 0 for none.
        lean: tangent of the view angle: walls show by height times this. 0 for a true orthophoto.
        lean_angle: side on which walls show, radians.
        shift: rows and columns by which the picture is misregistered, pixels.
        smear: True for a picture coloured from the laser points: ragged edges.
        native: side of a pixel of the delivered picture in pixels of the grid; it is interpolated bilinearly.
    """

    azimuth: float = -2.2
    elevation: float = 0.9
    sun: float = 0.8
    sky: float = 0.35
    shadow_blue: float = 0.1
    haze: float = 0.03
    brightness: float = 0.42
    metered: float | None = None
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    blur_px: float = 0.5
    sharpen: float = 0.0
    noise: float = 0.01
    jpeg: int = 0
    lean: float = 0.0
    lean_angle: float = 0.0
    shift: tuple[int, int] = (0, 0)
    smear: bool = False
    native: float = 1.0


def draw_picture_config(rng: Generator, registered: bool) -> PictureConfig:
    """Return a random light and camera.

    Args:
        rng: source of chance.
        registered: True forbids shifts: the picture's roofs then lie exactly on their labels.
    """
    cloudy = rng.random() < 0.18
    brightness = float(rng.uniform(0.30, 0.62))
    tint = np.exp(rng.normal(0.0, 0.03, 3))
    displaced = not registered
    return PictureConfig(
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        elevation=float(np.radians(rng.uniform(28, 85))),
        sun=float(rng.uniform(0.05, 0.25) if cloudy else rng.uniform(0.65, 1.0)),
        sky=float(rng.uniform(0.6, 0.85) if cloudy else rng.uniform(0.18, 0.45)),
        shadow_blue=float(rng.uniform(0, 0.25)),
        haze=float(0.25 * rng.random() ** 3),
        brightness=brightness,
        gain=(float(tint[0]), float(tint[1]), float(tint[2])),
        gamma=float(rng.uniform(0.85, 1.3)),
        saturation=float(rng.uniform(0.55, 1.1)),
        blur_px=float(rng.uniform(0.0, 1.0)),
        sharpen=choose(rng, (0.0, rng.uniform(0.1, 0.8)), (0.55, 0.45)),
        noise=float(rng.uniform(0.0, 0.02)),
        jpeg=int(rng.integers(35, 95)) if rng.random() < 0.5 else 0,
        lean=float(rng.uniform(0.02, 0.3)) if rng.random() < 0.3 else 0.0,
        lean_angle=float(rng.uniform(0, 2 * np.pi)),
        shift=(int(rng.integers(-3, 4)), int(rng.integers(-3, 4))) if displaced and rng.random() < 0.4 else (0, 0),
        smear=bool(rng.random() < 0.1),
        native=choose(rng, (1.0, float(np.exp(rng.uniform(np.log(0.75), np.log(2.2))))), (0.4, 0.6)),
    )


def take_picture(canvas: Canvas, config: PictureConfig, rng: Generator) -> NDArray[np.uint8]:
    """Return the picture [3, H, W] of a canvas.

    Args:
        canvas: the scene; its true surface casts the shadows.
        config: light and camera.
        rng: source of chance for grain; the same state gives the same picture.
    """
    light = _light(canvas, config)
    image = canvas.albedo * light
    if config.lean > 0:
        image = _lean(canvas, image, config)
    if config.shift != (0, 0):
        image = np.stack([shifted(band, *config.shift) for band in image])
    if config.smear:
        image = _smear(canvas, image, rng)
    return _develop(canvas, image, config, rng)


def display_mean(canvas: Canvas, config: PictureConfig) -> float:
    """Return the mean display value of a canvas in its light: what an exposure meter shows."""
    return float(np.sqrt(np.maximum(canvas.albedo * _light(canvas, config), 0)).mean())


def _light(canvas: Canvas, config: PictureConfig) -> FloatArray:
    """Return the light on each pixel [3, H, W]: sun where no shadow falls, times the slope, and the sky."""
    surface, gsd = canvas.surface, np.float32(canvas.gsd)
    height, width = surface.shape
    gy, gx = np.empty_like(surface), np.empty_like(surface)
    gx[:, 1:-1] = (surface[:, 2:] - surface[:, :-2]) / (2 * gsd)
    gx[:, 0], gx[:, -1] = gx[:, 1], gx[:, -2]
    gy[1:-1] = (surface[2:] - surface[:-2]) / (2 * gsd)
    gy[0], gy[-1] = gy[1], gy[-2]
    np.clip(gx, -1.5, 1.5, out=gx)
    np.clip(gy, -1.5, 1.5, out=gy)
    cos_e, sin_e = np.float32(np.cos(config.elevation)), np.float32(np.sin(config.elevation))
    sx, sy = np.float32(np.cos(config.azimuth)) * cos_e, np.float32(np.sin(config.azimuth)) * cos_e
    facing = (sin_e - gx * sx - gy * sy) / np.sqrt(1 + gx * gx + gy * gy)
    horizon = upwind_maximum(surface, canvas.gsd, config.azimuth, float(np.tan(config.elevation)), 60.0)
    lit = np.clip(1 - (horizon - surface - np.float32(0.1)) * np.float32(2.5), 0, 1)
    direct = np.maximum(facing, 0) * lit * np.float32(config.sun / max(float(sin_e), 0.3))
    # Narrow yards and street floors see less sky: compare with the mean height around, from every eighth pixel.
    step = 8
    coarse = surface[: height // step * step, : width // step * step]
    coarse = coarse.reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    around = coarse.repeat(step, 0).repeat(step, 1)
    around = np.pad(around, ((0, height - around.shape[0]), (0, width - around.shape[1])), mode="edge")
    around = _box(around, step)
    open_sky = np.clip(1 - (around - surface) * np.float32(0.07), 0.55, 1.1)
    ambient = open_sky * np.float32(config.sky)
    blue = np.float32(config.shadow_blue)
    tint = (1 - blue, np.float32(1.0), 1 + blue)
    return np.stack([direct + ambient * t for t in tint]).astype(np.float32)


def _box(values: FloatArray, size: int) -> FloatArray:
    kernel = np.full(size, 1.0 / size, np.float32)
    rows = convolve1d(values, kernel, axis=0, mode="nearest")
    return np.asarray(convolve1d(rows, kernel, axis=1, mode="nearest"), np.float32)


def _lean(canvas: Canvas, image: FloatArray, config: PictureConfig) -> FloatArray:
    """Show the walls that a view from the side shows: each roof stays where it is, its foot moves along the lean.

    In a real picture the foot stays and the roof moves; relative to the roof, which is what labels outline, it is the
    same picture.
    """
    roof = canvas.building > 0
    travel = np.where(roof, canvas.surface - canvas.ground, 0).astype(np.float32)
    travel *= np.float32(config.lean / canvas.gsd)
    dx, dy = np.cos(config.lean_angle), np.sin(config.lean_angle)
    result = image.copy()
    # A wall that faces the sun is bright, one that does not has the light of the sky only.
    facing = max(float(np.cos(config.lean_angle - config.azimuth)), 0.0) * np.cos(config.elevation)
    tone = np.float32(0.5 * (config.sun * facing * 0.9 + config.sky))
    window = (canvas.row0, canvas.col0, *canvas.shape)
    texture = 1 + np.float32(0.12) * noise(0.0, *window, 91) + np.float32(0.2) * noise(2.0, *window, 92)
    tints = (np.float32(1.04), np.float32(1.0), np.float32(0.93))
    most = min(int(np.ceil(float(travel.max()))), 12)
    open_ground = ~roof & ~canvas.canopy
    for k in range(1, most + 1):
        rows, cols = round(float(dy * k)), round(float(dx * k))
        wall = open_ground & (shifted(travel, rows, cols) >= k - 0.3)
        for band in range(3):
            np.copyto(result[band], tone * tints[band] * texture, where=wall)
        open_ground &= ~wall
    return result


def _smear(canvas: Canvas, image: FloatArray, rng: Generator) -> FloatArray:
    """Take each pixel's colour from a laser point near it: edges become ragged, holes are filled from the side."""
    key = int(rng.integers(1 << 16))
    choice = noise(0.0, canvas.row0, canvas.col0, *canvas.shape, key)
    result = image.copy()
    for low, high, rows, cols in ((0.5, 1.0, 1, 0), (1.0, 9.0, 0, 1), (-1.0, -0.5, -1, 0), (-9.0, -1.0, 0, -1)):
        where = (choice > low) & (choice <= high)
        for band in range(3):
            np.copyto(result[band], shifted(image[band], rows, cols), where=where)
    return result


def _develop(canvas: Canvas, image: FloatArray, config: PictureConfig, rng: Generator) -> NDArray[np.uint8]:
    # Picture products are exposed by what they show, but not wholly: fields of snow stay brighter than woods.
    mean = float(np.sqrt(np.maximum(image, 0)).mean()) if config.metered is None else config.metered
    exposure = (config.brightness / max(mean, 0.05)) ** 0.75
    gain = np.float32(exposure) * np.asarray(config.gain, np.float32)[:, None, None]
    image = np.sqrt(np.maximum(image * (gain * gain), 0))  # to display values: reflectances are squares of them
    image = np.where(image > 0.75, 1 - 0.25 * np.exp((0.75 - image) * 4), image).astype(np.float32)  # a soft shoulder
    if config.gamma != 1:
        image = np.power(np.clip(image, 1e-3, 1.4), np.float32(config.gamma)) * np.float32(0.5 ** (1 - config.gamma))
    if config.saturation != 1:
        grey = image.mean(axis=0, keepdims=True)
        image = grey + (image - grey) * np.float32(config.saturation)
    if config.haze > 0:
        image = image + (np.asarray([0.80, 0.83, 0.87], np.float32)[:, None, None] - image) * np.float32(config.haze)
    lattice = NativeLattice(canvas, config.native) if config.native != 1 else None
    row0, col0 = canvas.row0, canvas.col0
    if lattice is not None:  # a coarse pixel sees all the light that falls on it
        row0, col0 = lattice.row0, lattice.col0
        image = lattice.onto(np.stack([_box(band, max(round(config.native), 1)) for band in image]))
    if config.blur_px > 0.25:
        image = _blur(image, config.blur_px)
    if config.sharpen > 0:
        image = image + (image - _blur(image, 1.0)) * np.float32(config.sharpen)
    if config.noise > 0:
        key = int(rng.integers(1 << 16))
        height, width = image.shape[1:]
        for band in range(3):
            grain = noise(0.0, row0, col0, height, width, key + band)
            image[band] += grain * np.float32(config.noise)
    image = np.clip(image, 0, 1) * np.float32(255)
    if config.jpeg > 0:
        image = jpeg_like(image, config.jpeg)
    if lattice is not None:
        image = lattice.back(np.asarray(image, np.float32))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _blur(image: FloatArray, sigma: float) -> FloatArray:
    """Blur [3, H, W] with a small binomial-like kernel of standard deviation ``sigma`` (up to about 1.2 pixels)."""
    offsets = np.arange(-2, 3)
    kernel = np.exp(-0.5 * (offsets / max(sigma, 0.2)) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    padded = np.pad(image, ((0, 0), (2, 2), (0, 0)), mode="edge")
    height, width = image.shape[1:]
    rows = kernel[2] * padded[:, 2 : 2 + height]
    for k in (0, 1, 3, 4):
        if kernel[k] > 1e-3:
            rows += kernel[k] * padded[:, k : k + height]
    padded = np.pad(rows, ((0, 0), (0, 0), (2, 2)), mode="edge")
    result = kernel[2] * padded[:, :, 2 : 2 + width]
    for k in (0, 1, 3, 4):
        if kernel[k] > 1e-3:
            result += kernel[k] * padded[:, :, k : k + width]
    return np.asarray(result, np.float32)


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    """Return the orthonormal matrix of the 8-point cosine transform."""
    k, n = np.mgrid[0:8, 0:8]
    matrix = np.cos(np.pi * (2 * n + 1) * k / 16) * 0.5
    matrix[0] *= np.sqrt(0.5)
    return np.asarray(matrix, np.float32)


def jpeg_like(image: FloatArray, quality: int) -> FloatArray:
    """Return [3, H, W] in 0..255 after a round trip like JPEG's: luma and chroma, 8x8 cosines, quantised.

    The steps grow linearly with frequency instead of following a table; the scale with quality is that of libjpeg.
    """
    scale = 50.0 / quality if quality < 50 else 2.0 - quality / 50.0
    u, v = np.mgrid[0:8, 0:8]
    luma_steps = np.maximum((10 + 5.5 * (u + v)) * scale, 1).astype(np.float32)
    chroma_steps = np.maximum((16 + 11.0 * (u + v)) * scale, 1).astype(np.float32)
    red, green, blue = image
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = (blue - luma) * 0.564, (red - luma) * 0.713
    planes = [_quantised(luma, luma_steps), _quantised(cb, chroma_steps), _quantised(cr, chroma_steps)]
    luma, cb, cr = planes
    return np.stack([luma + 1.403 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.773 * cb]).astype(np.float32)


def _quantised(plane: FloatArray, steps: FloatArray) -> FloatArray:
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % 8), (0, -width % 8)), mode="edge").astype(np.float32)
    rows, cols = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = padded.reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3)
    c = _cosines()
    spectrum = c @ blocks @ c.T
    spectrum = np.rint(spectrum / steps) * steps
    restored = (c.T @ spectrum @ c).transpose(0, 2, 1, 3).reshape(padded.shape)
    return restored[:height, :width].astype(np.float32)
