"""Which pixel size a run works at: engine and plugin must agree on it."""


def run_gsd(trained: float, largest: float, native_share: float, native: float) -> float:
    """Return the metres per pixel of a run over rasters with pixels of ``native`` metres, in whole centimetres.

    Finer pixels than a raster's own hold nothing new, and heights that were smoothed so look like no roofs.

    Args:
        trained: metres per pixel that the model was trained at.
        largest: the most that it accepts.
        native_share: share of the raster's pixel size that a run takes where that is more than ``trained``; 0: never.
        native: metres per pixel of the surface (of the picture, without one).
    """
    return max(trained, min(round(native_share * native, 2), largest))
