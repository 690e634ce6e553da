"""From a class raster to buildings: polygons, regular outlines, attributes, GeoPackage."""
