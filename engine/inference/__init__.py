"""Reader, predictor, stitcher and sink in a row, and the ledger that lets a run resume."""
