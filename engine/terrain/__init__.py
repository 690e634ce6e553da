"""Ground from a surface, heights above ground, and roof geometry.

`height_channels` makes a network's input from a surface. `ground.ground(surface, valid, gsd, col0, row0)` estimates the
ground under a window, exactly from `ground.context_px(gsd)` pixels inside its rim on; `ground_stream` does whole files.
"""
