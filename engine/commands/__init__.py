"""The sub-commands, one module each with ``add_arguments(parser)`` and ``run(args) -> int``; loaded on use."""

COMMANDS: dict[str, str] = {
    "segment": "Rasters in, class rasters and building polygons out",
    "evaluate": "What a model reaches on areas with known truth",
    "train-default": "Train the model that Ridgeline ships",
    "finetune": "Teach a model from labelled polygons",
    "models": "The model library: list, info, import, export, remove, verify",
    "selftest": "Run a model on the sample area and say what computes, with which versions, how fast",
    "serve": "Keep a model loaded and answer requests over pipes",
    "benchmark": "Measure: speed, ground, training",
}
"""Name of the sub-command (its module is the same, dashes as underscores) and what it does."""
