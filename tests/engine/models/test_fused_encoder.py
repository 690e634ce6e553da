"""The encoder pair: sizes, missing modalities, and how large the published ones are."""

import pytest
import torch

from ridgeline.engine.jobs import RidgelineError, from_dict, to_dict
from ridgeline.engine.models.backbone import Backbone, count_parameters
from ridgeline.engine.models.config import BackboneConfig, EncoderConfig
from ridgeline.engine.models.fused_encoder import FusedEncoder
from ridgeline.engine.models.presets import PRESETS, encoder_preset, swin_pair, trial_pair

NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}
CONVOLUTIONS = EncoderConfig(
    BackboneConfig("resnet18d", 3, NARROW, skip=True), BackboneConfig("resnet18d", 2, NARROW, skip=True)
)
PAIRS = {"swin": trial_pair(2), "convolutions": CONVOLUTIONS}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=list(PAIRS))


def images(height: int = 64, width: int = 96, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(batch, 3, height, width, generator=generator),
        torch.randn(batch, 2, height, width, generator=generator),
    )


@pytest.mark.parametrize(("channels", "millions"), [(3, 86.73), (1, 86.72)])
def test_swin_base_has_the_published_number_of_parameters(channels: int, millions: float) -> None:
    config = swin_pair("base", 1)
    side = config.rgb if channels == 3 else config.dsm
    with torch.device("meta"):
        backbone = Backbone(side)
    assert round(count_parameters(backbone) / 1e6, 2) == millions
    assert backbone.channels == [128, 256, 512, 1024]
    assert backbone.strides == [4, 8, 16, 32]


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "swin_base"])
def test_every_preset_gives_four_stages_at_the_declared_sizes(name: str) -> None:
    with torch.device("meta"):
        encoder = FusedEncoder(encoder_preset(name, 6))
        features = encoder(torch.zeros(1, 3, 64, 64), torch.zeros(1, 6, 64, 64))
    assert encoder.strides[-4:] == [4, 8, 16, 32]
    for feature, channels, stride in zip(features, encoder.channels, encoder.strides):
        assert feature.shape == (1, channels, 64 // stride, 64 // stride)


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(RidgelineError, match="'swin_huge'"):
        encoder_preset("swin_huge")


@pairs
@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 160), (192, 192), (224, 96)])
def test_any_multiple_of_32_is_taken(pair: EncoderConfig, height: int, width: int) -> None:
    encoder = FusedEncoder(pair).eval()
    with torch.no_grad():
        features = encoder(*images(height, width))
    for feature, channels, stride in zip(features, encoder.channels, encoder.strides):
        assert feature.shape == (2, channels, height // stride, width // stride)
        assert torch.isfinite(feature).all()


def test_another_size_changes_no_parameter() -> None:
    encoder = FusedEncoder(PAIRS["swin"]).eval()
    before = {name: id(parameter) for name, parameter in encoder.named_parameters()}
    first = [feature.clone() for feature in encoder(*images(192, 192))]
    encoder(*images(64, 32))
    assert {name: id(parameter) for name, parameter in encoder.named_parameters()} == before
    assert all(torch.equal(a, b) for a, b in zip(first, encoder(*images(192, 192))))


@pairs
def test_other_sizes_are_refused_with_the_size_to_pad_to(pair: EncoderConfig) -> None:
    with pytest.raises(ValueError, match="64 × 128"):
        FusedEncoder(pair)(*images(60, 100))


@pairs
@pytest.mark.parametrize("name", ["rgb", "dsm"])
def test_an_absent_modality_is_not_computed(pair: EncoderConfig, name: str) -> None:
    encoder = FusedEncoder(pair).eval()
    rgb, dsm = images()
    absent = encoder.dsm if name == "rgb" else encoder.rgb

    def refuse(*_: object) -> None:
        raise AssertionError("the absent encoder was computed")

    absent.register_forward_pre_hook(refuse)
    alone = encoder(rgb=rgb) if name == "rgb" else encoder(dsm=dsm)
    assert [feature.shape[0] for feature in alone] == [2] * len(alone)


@pairs
def test_present_flags_give_what_leaving_the_input_out_gives(pair: EncoderConfig) -> None:
    torch.manual_seed(0)
    encoder = FusedEncoder(pair).eval()
    for token in (*encoder.absent_rgb, *encoder.absent_dsm):
        torch.nn.init.normal_(token)
    rgb, dsm = images()
    flags = torch.tensor([[True, False], [False, True]])
    mixed = encoder(rgb, dsm, flags)
    for level, (alone_rgb, alone_dsm) in enumerate(zip(encoder(rgb=rgb), encoder(dsm=dsm))):
        torch.testing.assert_close(mixed[level][0], alone_rgb[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(mixed[level][1], alone_dsm[1], rtol=1e-4, atol=1e-5)


@pairs
def test_every_parameter_gets_a_gradient_when_modalities_drop_out(pair: EncoderConfig) -> None:
    torch.manual_seed(0)
    encoder = FusedEncoder(pair).train()
    flags = torch.tensor([[True, False], [False, True], [True, True]])
    features = encoder(*images(64, 96, 3), flags)
    sum((feature * torch.randn_like(feature)).sum() for feature in features).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_one_modality_alone_has_no_fusion() -> None:
    encoder = FusedEncoder(EncoderConfig(None, CONVOLUTIONS.dsm))
    assert encoder.modalities == ("dsm",)
    assert not any("fusions" in name for name, _ in encoder.named_parameters())
    assert len(encoder(dsm=images()[1])) == 5
    with pytest.raises(ValueError, match="takes no rgb"):
        encoder(rgb=images()[0])


def test_inputs_that_do_not_fit_are_refused() -> None:
    encoder = FusedEncoder(CONVOLUTIONS)
    rgb, dsm = images()
    with pytest.raises(ValueError, match="neither"):
        encoder()
    with pytest.raises(ValueError, match="differ"):
        encoder(rgb, dsm[..., :64])
    with pytest.raises(ValueError, match="present needs both"):
        encoder(rgb=rgb, present=torch.ones(2, 2, dtype=torch.bool))


def test_a_backbone_without_the_strides_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'convnext_atto' gives no features at stride 2"):
        Backbone(BackboneConfig("convnext_atto", 3, skip=True))


@pairs
def test_configurations_survive_json(pair: EncoderConfig) -> None:
    assert from_dict(EncoderConfig, to_dict(pair)) == pair


def test_an_unknown_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="'sum' is not known"):
        EncoderConfig(CONVOLUTIONS.rgb, CONVOLUTIONS.dsm, "sum")
