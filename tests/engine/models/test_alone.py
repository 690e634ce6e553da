"""A network for one modality, taken out of a network for both."""

from __future__ import annotations

import pytest
import torch

from ridgeline.engine.models.alone import network_alone
from ridgeline.engine.models.compact import compact_config
from ridgeline.engine.models.multitask import DenseModel


@pytest.fixture(scope="module")
def pair() -> DenseModel:
    torch.manual_seed(1)
    model = DenseModel(compact_config())
    for name, value in model.state_dict().items():  # nothing may hide in a zero or a one
        if value.is_floating_point():
            value.copy_(value + 0.1 * torch.rand_like(value) + (0.2 if "absent" in name else 0.0))
    return model.eval()


@pytest.mark.parametrize("modality", ["rgb", "dsm"])
def test_gives_what_the_pair_gives_of_that_modality(pair: DenseModel, modality: str) -> None:
    channels = {"rgb": 3, "dsm": pair.config.encoder.dsm.channels}[modality]  # type: ignore[union-attr]
    image = torch.randn(1, channels, 64, 96)
    with torch.no_grad():
        expected, got = pair(**{modality: image}), network_alone(pair, modality)(**{modality: image})
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-3, atol=1e-3)
        assert value.std() > 1e-3


def test_holds_nothing_of_the_other_modality(pair: DenseModel) -> None:
    alone = network_alone(pair, "rgb")
    assert alone.encoder.modalities == ("rgb",)
    assert sum(item.numel() for item in alone.parameters()) < 0.6 * sum(item.numel() for item in pair.parameters())
    with pytest.raises(ValueError, match="takes no dsm"):
        alone(torch.zeros(1, 3, 32, 32), torch.zeros(1, 5, 32, 32))


def test_refuses_what_cannot_be_taken_apart(pair: DenseModel) -> None:
    with pytest.raises(ValueError, match="rgb or dsm"):
        network_alone(pair, "height")
    with pytest.raises(ValueError, match="taken apart"):
        network_alone(DenseModel(compact_config(fusion="stack")), "rgb")
    with pytest.raises(ValueError, match="taken apart"):
        network_alone(network_alone(pair, "rgb"), "rgb")
