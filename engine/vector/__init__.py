"""From class maps to buildings: polygons, regular outlines, attributes, GeoPackage.

How a run uses this room (strips of whole rows, from top to bottom, each row once)::

    from ridgeline.engine.vector.buildings import BuildingTracer, MapStrip
    from ridgeline.engine.vector.geopackage import GeoPackageWriter

    tracer = BuildingTracer(grid, options, roof_names)      # Grid, jobs.BuildingOptions, {class id: name}
    with GeoPackageWriter(folder / "buildings.gpkg", grid.crs) as writer:
        for ...:                                            # grid.row0, then on without a gap
            strip = MapStrip(
                row0=...,                                   # absolute row of the strip's first row
                mask=...,                                   # bool [H, W]: building or not
                probability=...,                            # of building; uint8 (255 = 1) or float 0..1; or None
                boundary=...,                               # of an outline, separates touching buildings; same; or None
                roof_class=...,                             # uint8 ids, 0 = none; or None
                roof_confidence=...,                        # of that class; same as probability; or None
                surface=..., ground=...,                    # float32 metres, NaN = unknown; both or neither
            )
            writer.write(tracer.add(strip))                 # the buildings that can no longer change
        writer.write(tracer.finish())                       # those that touch the lower rim

The buildings, their order and their ids do not depend on how the rows were cut into strips. Only what belongs to
buildings that may still grow is kept in memory. The GeoPackage appears under its name when the ``with`` block ends
well.
A run that was killed feeds the stored strips again from the first; it gets the same buildings.
"""
