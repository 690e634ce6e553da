"""The engine: reads two rasters, runs a model over tiles, writes files; in its own Python, never importing qgis."""

__version__ = "0.1.0"
