"""One encoder over stacked channels: the same answers to missing modalities as the pair, by configuration alone."""

from pathlib import Path

import pytest
import torch

from ridgeline.engine.jobs import from_dict, to_dict
from ridgeline.engine.models.backbone import count_parameters
from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.config import BackboneConfig, EncoderConfig
from ridgeline.engine.models.encoders import make_encoder
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.fused_encoder import FusedEncoder
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import GsdSpec, TileSpec, load_package
from ridgeline.engine.models.presets import trial_pair
from ridgeline.engine.models.stacked_encoder import StackedEncoder
from ridgeline.engine.training.optimiser import parameter_groups

NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}
CONVOLUTIONS = EncoderConfig(
    BackboneConfig("resnet18d", 3, NARROW, skip=True), BackboneConfig("resnet18d", 2, NARROW, skip=True), "stack"
)
SINGLE = {"swin": trial_pair(2, "stack"), "convolutions": CONVOLUTIONS}
singles = pytest.mark.parametrize("config", SINGLE.values(), ids=list(SINGLE))


def images(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(batch, 3, 64, 96, generator=generator),
        torch.randn(batch, 2, 64, 96, generator=generator),
    )


@singles
def test_the_fusion_stack_makes_one_backbone_over_all_channels(config: EncoderConfig) -> None:
    encoder = make_encoder(config)
    assert isinstance(encoder, StackedEncoder)
    assert encoder.modalities == ("rgb", "dsm")
    for feature, channels, stride in zip(encoder(*images()), encoder.channels, encoder.strides):
        assert feature.shape == (2, channels, 64 // stride, 96 // stride)
    assert isinstance(make_encoder(trial_pair(2)), FusedEncoder)


@singles
def test_present_flags_give_what_leaving_the_input_out_gives(config: EncoderConfig) -> None:
    torch.manual_seed(0)
    encoder = make_encoder(config).eval()
    for value in (encoder.absent_rgb, encoder.absent_dsm):
        torch.nn.init.normal_(value)
    rgb, dsm = images()
    mixed = encoder(rgb, dsm, torch.tensor([[True, False], [False, True]]))
    for together, rgb_alone, dsm_alone in zip(mixed, encoder(rgb=rgb), encoder(dsm=dsm)):
        torch.testing.assert_close(together[0], rgb_alone[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together[1], dsm_alone[1], rtol=1e-4, atol=1e-5)
        assert not torch.allclose(together[0], dsm_alone[0])


@singles
def test_every_parameter_gets_a_gradient_and_absent_values_are_spared_decay(config: EncoderConfig) -> None:
    torch.manual_seed(0)
    encoder = make_encoder(config).train()
    features = encoder(*images(3), torch.tensor([[True, False], [False, True], [True, True]]))
    sum((feature * torch.randn_like(feature)).sum() for feature in features).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    spared = {id(p) for group in parameter_groups(encoder, 0.1) if not group["weight_decay"] for p in group["params"]}
    assert {id(encoder.absent_rgb), id(encoder.absent_dsm)} <= spared


def test_inputs_that_do_not_fit_are_refused() -> None:
    encoder = make_encoder(CONVOLUTIONS)
    rgb, dsm = images()
    with pytest.raises(ValueError, match="neither"):
        encoder()
    with pytest.raises(ValueError, match="differ"):
        encoder(rgb, dsm[..., :64])
    with pytest.raises(ValueError, match="present needs both"):
        encoder(rgb=rgb, present=torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"dsm is 60 × 96; pad it to 64 × 96"):
        encoder(dsm=dsm[..., :60, :])


def test_stacking_needs_one_and_the_same_backbone() -> None:
    other = BackboneConfig("resnet18d", 2, {**NARROW, "stem_width": 16}, skip=True)
    for rgb, dsm in ((CONVOLUTIONS.rgb, other), (CONVOLUTIONS.rgb, None), (None, CONVOLUTIONS.dsm)):
        with pytest.raises(ValueError, match="one and the same backbone"):
            EncoderConfig(rgb, dsm, "stack")


def test_the_compact_model_with_one_encoder_has_as_many_parameters() -> None:
    pair, single = (DenseModel(compact_config(fusion=fusion)) for fusion in ("concat", "stack"))
    assert count_parameters(single) == pytest.approx(count_parameters(pair), rel=0.03)


def test_it_is_exported_and_read_again_like_the_pair(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = compact_config(fusion="stack")
    assert from_dict(type(config), to_dict(config)) == config
    model = DenseModel(config).train()
    with torch.no_grad():
        for value in (model.encoder.absent_rgb, model.encoder.absent_dsm):
            torch.nn.init.normal_(value)
        for _ in range(3):
            model(torch.randn(2, 3, 64, 64), torch.randn(2, 6, 64, 64))
    gsd = GsdSpec(0.25, 0.1, 0.5)
    info = PackageInfo("single", "1", compact_inputs(), compact_outputs(), gsd, TileSpec(64, overlap=16))
    export_package(model, info, tmp_path, half=False)
    package = load_package(tmp_path)
    import onnxruntime

    inputs = {"rgb": torch.randn(1, 3, 64, 64), "dsm": torch.randn(1, 6, 64, 64)}
    for names in (("rgb", "dsm"), ("rgb",), ("dsm",)):
        shown = {name: inputs[name] for name in names}
        session = onnxruntime.InferenceSession(tmp_path / package.weights_for(frozenset(names), "onnx").file)
        found = session.run(["building"], {name: item.numpy() for name, item in shown.items()})[0]
        with torch.no_grad():
            model.enlarges = False
            expected = model.eval()(**shown)["building"]
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-3, atol=1e-3)
