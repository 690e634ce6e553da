"""Rasters in and out: the grid, sources aligned to it, the frame of a run, sanity checks and streamed results.

``plan_frame`` chooses the grid, ``open_aligned`` reads any raster on it, ``StripSink`` writes results row by row.
"""
