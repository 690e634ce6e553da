"""The sub-commands, one module each with ``add_arguments(parser)`` and ``run(args) -> int``; loaded on use."""

COMMANDS: dict[str, str] = {
    "segment": "Rasters in, class rasters and building polygons out",
}
"""Name of the sub-command (its module is the same, dashes as underscores) and what it does."""
