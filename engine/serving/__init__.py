"""A warm engine: answers requests for previews and single roofs, with models, rasters and tiles kept at hand."""
