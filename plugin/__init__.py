"""The part of Ridgeline that lives inside QGIS: PyQGIS and the standard library, nothing installed."""
