"""Encoders begin with what pretraining has learnt: whole, and for the network that was pretrained alone."""

import json
from pathlib import Path

import pytest
import torch

from ridgeline.engine.jobs import ErrorCode, RidgelineError, to_dict
from ridgeline.engine.models.checkpoint import load_weights, save_weights
from ridgeline.engine.models.compact import compact_config
from ridgeline.engine.models.config import BackboneConfig, EncoderConfig
from ridgeline.engine.models.encoders import make_encoder
from ridgeline.engine.models.fused_encoder import FusedEncoder
from ridgeline.engine.models.masked_config import MaskedImageConfig
from ridgeline.engine.models.masked_image import MaskedImageModel
from ridgeline.engine.models.presets import encoder_preset, trial_pair
from ridgeline.engine.models.pretrained import load_pretrained
from ridgeline.engine.training.optimiser import make_adamw
from ridgeline.engine.training.pretrain.checkpoint import Progress, save_state
from ridgeline.engine.training.pretrain.config import PretrainConfig

NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}
CONVOLUTIONS = EncoderConfig(
    BackboneConfig("resnet18d", 3, NARROW, skip=True), BackboneConfig("resnet18d", 1, NARROW, skip=True)
)
PAIRS = {"swin": trial_pair(1), "convolutions": CONVOLUTIONS}


def run_of(pair: EncoderConfig, folder: Path) -> tuple[MaskedImageModel, Path]:
    """Return a masked-image network with weights of its own, and the file that a run would keep of it."""
    torch.manual_seed(1)
    config = PretrainConfig(MaskedImageConfig(pair, image_size=64))
    model = MaskedImageModel(config.model)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    save_state(folder, model, make_adamw(model, 1e-3), config, Progress(3, 1))
    return model.eval(), folder / json.loads((folder / "state.json").read_text())["weights"]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=list(PAIRS))
def test_the_encoders_see_what_the_pretrained_ones_saw(pair: EncoderConfig, tmp_path: Path) -> None:
    model, path = run_of(pair, tmp_path)
    encoder = FusedEncoder(pair).eval()
    assert load_pretrained(encoder, path) == ("rgb", "dsm")
    rgb, dsm = torch.randn(1, 3, 64, 64), torch.randn(1, 1, 64, 64)
    shown = torch.zeros(1, 2, 2, dtype=torch.bool)
    with torch.no_grad():
        assert torch.equal(encoder.rgb(rgb)[-1], model.rgb(rgb, shown))
        assert torch.equal(encoder.dsm(dsm)[-1], model.dsm(dsm, shown))


def test_one_modality_takes_its_own_encoder_alone(tmp_path: Path) -> None:
    _, path = run_of(CONVOLUTIONS, tmp_path)
    assert load_pretrained(FusedEncoder(EncoderConfig(None, CONVOLUTIONS.dsm)), path) == ("dsm",)


def test_the_compact_model_starts_from_its_own_pretraining(tmp_path: Path) -> None:
    _, path = run_of(encoder_preset("compact", 1), tmp_path)
    with pytest.raises(RidgelineError, match=r"dsm.*1 of another shape: net\.conv1\.0\.weight"):
        load_pretrained(make_encoder(compact_config().encoder), path)  # one channel of height, not six
    compact = compact_config().encoder
    pair = encoder_preset("compact", compact.dsm.channels)
    model = MaskedImageModel(MaskedImageConfig(pair, image_size=64))
    save_weights(tmp_path / "six.safetensors", model.state_dict(), {"kind": "masked_image"})
    encoder = make_encoder(compact)
    load_pretrained(encoder, tmp_path / "six.safetensors")
    assert torch.equal(encoder.dsm.net.conv1[0].weight, model.dsm.backbone.net.conv1[0].weight)


def test_nothing_is_loaded_where_one_encoder_does_not_fit(tmp_path: Path) -> None:
    _, path = run_of(CONVOLUTIONS, tmp_path)
    wider = BackboneConfig("resnet18d", 1, {**NARROW, "stem_width": 16}, skip=True)
    encoder = FusedEncoder(EncoderConfig(CONVOLUTIONS.rgb, wider))
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.raises(RidgelineError, match="of another shape") as fault:
        load_pretrained(encoder, path)
    assert fault.value.code is ErrorCode.BAD_MODEL and ", dsm'" in fault.value.message
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_missing_and_strange_parts_are_listed(tmp_path: Path) -> None:
    _, path = run_of(CONVOLUTIONS, tmp_path)
    tensors, sidecar = load_weights(path)
    less = {name: value for name, value in tensors.items() if name != "rgb.backbone.net.layer1.0.conv1.weight"}
    save_weights(tmp_path / "less.safetensors", less, sidecar)
    with pytest.raises(RidgelineError, match=r"1 missing: net\.layer1\.0\.conv1\.weight"):
        load_pretrained(FusedEncoder(CONVOLUTIONS), tmp_path / "less.safetensors")
    save_weights(tmp_path / "more.safetensors", {**tensors, "nir.backbone.x": torch.zeros(1)}, sidecar)
    with pytest.raises(RidgelineError, match=r"no pretraining run has: nir\.backbone\.x"):
        load_pretrained(FusedEncoder(CONVOLUTIONS), tmp_path / "more.safetensors")


def test_other_weights_and_other_networks_are_refused(tmp_path: Path) -> None:
    _, path = run_of(CONVOLUTIONS, tmp_path)
    stacked = EncoderConfig(CONVOLUTIONS.rgb, CONVOLUTIONS.dsm, "stack")
    with pytest.raises(RidgelineError, match="one over stacked channels"):
        load_pretrained(make_encoder(stacked), path)
    architecture = {"architecture": to_dict(compact_config())}
    save_weights(tmp_path / "dense.safetensors", {"a": torch.zeros(1)}, architecture)
    with pytest.raises(RidgelineError, match="not of a pretraining run"):
        load_pretrained(FusedEncoder(CONVOLUTIONS), tmp_path / "dense.safetensors")
    with pytest.raises(RidgelineError, match="do not exist"):
        load_pretrained(FusedEncoder(CONVOLUTIONS), tmp_path / "none.safetensors")
