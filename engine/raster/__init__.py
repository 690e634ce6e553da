"""Grid, aligned sources, tile plan and sinks."""
