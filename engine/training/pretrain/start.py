"""First weights of a pretraining run, from published ones."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...models.masked_config import MaskedImageConfig
from ...models.weights_import import import_weights


def initial_weights(config: MaskedImageConfig, rgb: str | None, dsm: str | None) -> dict[str, Tensor]:
    """Return weights by names, in their shapes, of `MaskedImageModel`; encoders without a file begin at random.

    Args:
        config: of the run.
        rgb: file of published weights for the RGB encoder, or None.
        dsm: the same for the DSM encoder; a first layer of three channels is summed to one.

    Raises:
        RidgelineError: as `import_weights`.
    """
    tensors: dict[str, Tensor] = {}
    for name, file, backbone in (("rgb", rgb, config.encoder.rgb), ("dsm", dsm, config.encoder.dsm)):
        if file is None or backbone is None:
            continue
        imported = import_weights(Path(file), backbone)
        tensors |= {f"{name}.backbone.{key}": value for key, value in imported.tensors.items()}
        if imported.mask_token is not None and backbone.image_size is not None:
            tensors[f"{name}.mask_token"] = imported.mask_token
    return tensors
