"""Every fusion: shapes, gradients, and the ability to ignore either modality."""

import pytest
import torch

from ridgeline.engine.models.fusion import FUSION_MODULES
from ridgeline.engine.models.fusion.cmx import CmxFusion
from ridgeline.engine.models.fusion.concat import ConcatFusion
from ridgeline.engine.models.fusion.ssma import SsmaFusion

RGB, DSM, OUT = 12, 12, 16
CLOSED = -200.0
"""A sigmoid of this is 0 in float32."""

fusions = pytest.mark.parametrize("name", FUSION_MODULES)
modalities = pytest.mark.parametrize("ignored", ["rgb", "dsm"])


def features(seed: int = 0, rgb: int = RGB, dsm: int = DSM) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, rgb, 6, 5, generator=generator), torch.randn(2, dsm, 6, 5, generator=generator)


@fusions
@pytest.mark.parametrize(("rgb", "dsm"), [(12, 12), (12, 8), (8, 20)])
def test_gives_the_channels_asked_for_at_the_same_size(name: str, rgb: int, dsm: int) -> None:
    fused = FUSION_MODULES[name](rgb, dsm, OUT)(*features(rgb=rgb, dsm=dsm))
    assert fused.shape == (2, OUT, 6, 5)


@fusions
def test_every_parameter_and_both_inputs_get_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    fusion = FUSION_MODULES[name](RGB, DSM, OUT)
    rgb, dsm = (item.requires_grad_() for item in features())
    (fusion(rgb, dsm) * torch.randn(2, OUT, 6, 5)).sum().backward()
    gradients = {"rgb": rgb.grad, "dsm": dsm.grad} | {key: item.grad for key, item in fusion.named_parameters()}
    for key, gradient in gradients.items():
        assert gradient is not None and torch.isfinite(gradient).all(), key
        assert gradient.abs().max() > 0, key


@fusions
@modalities
def test_can_express_that_a_modality_is_ignored(name: str, ignored: str) -> None:
    torch.manual_seed(0)
    fusion = FUSION_MODULES[name](RGB, DSM, OUT)
    ignore(fusion, ignored)
    rgb, dsm = features()
    other_rgb, other_dsm = features(seed=1)
    kept = fusion(rgb, dsm)
    assert kept.std() > 0.01  # it says something
    if ignored == "dsm":
        assert torch.equal(fusion(rgb, other_dsm), kept)
        assert not torch.allclose(fusion(other_rgb, dsm), kept)
    else:
        assert torch.equal(fusion(other_rgb, dsm), kept)
        assert not torch.allclose(fusion(rgb, other_dsm), kept)


@torch.no_grad()
def ignore(fusion: torch.nn.Module, modality: str) -> None:
    """Set the weights with which this fusion does not see ``modality``."""
    part = slice(0, RGB) if modality == "rgb" else slice(RGB, RGB + DSM)
    if isinstance(fusion, ConcatFusion):
        fusion.mix.weight[:, part] = 0
    elif isinstance(fusion, SsmaFusion):
        fusion.squeeze.weight[:, part] = 0
        fusion.gate.weight[part] = 0
        fusion.gate.bias[part] = CLOSED
    elif isinstance(fusion, CmxFusion):
        # nothing of this modality is added to the other ...
        other = 1 if modality == "rgb" else 0
        channel, place = fusion.rectify.by_channel[-1], fusion.rectify.by_place[-1]
        channel.weight[other * RGB : (other + 1) * RGB] = 0
        channel.bias[other * RGB : (other + 1) * RGB] = CLOSED
        place.weight[other] = 0
        place.bias[other] = CLOSED
        # ... neither by its context, and the mix takes the other alone
        exchange = fusion.exchange
        (exchange.out_dsm if modality == "rgb" else exchange.out_rgb).weight[:, RGB:] = 0
        fusion.residual.weight[:, part] = 0
        fusion.embed[0].weight[:, part] = 0
    else:
        raise AssertionError(f"say how {type(fusion).__name__} ignores a modality")


def test_gates_of_ssma_are_learnt_shut_for_a_modality_that_is_noise() -> None:
    torch.manual_seed(0)
    fusion = SsmaFusion(8, 8, 8)
    optimiser = torch.optim.Adam(fusion.parameters(), lr=0.01)
    for _ in range(150):
        rgb, dsm = torch.randn(4, 8, 6, 6), torch.randn(4, 8, 6, 6)
        loss = (fusion(rgb, dsm) - rgb).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    rgb, dsm, other = torch.randn(4, 8, 6, 6), torch.randn(4, 8, 6, 6), torch.randn(4, 8, 6, 6)
    with torch.no_grad():
        by_dsm = (fusion(rgb, other) - fusion(rgb, dsm)).square().mean()
        by_rgb = (fusion(other, dsm) - fusion(rgb, dsm)).square().mean()
    assert by_dsm < 0.1 * by_rgb
