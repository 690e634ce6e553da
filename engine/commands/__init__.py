"""The sub-commands, one module each with ``add_arguments(parser)`` and ``run(args) -> int``; loaded on use."""

COMMANDS: dict[str, str] = {
    "segment": "Rasters in, class rasters and building polygons out",
    "evaluate": "What a model reaches, against polygons or on areas with known truth",
    "ground": "The ground under a surface model, and heights above it",
    "buildings": "Building polygons of a class raster",
    "train-default": "Train the model that Ridgeline ships",
    "pretrain": "Masked-image pretraining of the encoder pair on rasters without labels",
    "finetune": "Teach a model from labelled polygons",
    "export": "A model package made anew from trained weights, with int8 if asked for",
    "models": "The model library: list, info, import, export, remove, verify",
    "selftest": "Run a model on the sample area and say what computes, with which versions, how fast",
    "serve": "Keep a model loaded and answer requests over pipes",
    "scenes": "Write synthetic towns as rasters with their truth",
    "benchmark": "Measure: speed, ground, training",
}
"""Name of the sub-command (its module is the same, dashes as underscores) and what it does."""

INNER: dict[str, str] = {"helper": "Share the work of a run that started this process"}
"""Sub-commands that the engine itself calls; people are not told of them."""
