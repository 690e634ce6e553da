"""What learns: adapters begin as nothing and fold away, heads alone leave the encoder's bits, old outputs stay."""

import pytest
import torch
from finetune_helpers import OUTPUTS, tiny_config, tiny_model, town

from ridgeline.engine.training.finetune.teaching import plan_teaching
from ridgeline.engine.training.finetune.trainable import choose_trainable, learn_mode, merged, with_tasks


def images():
    generator = torch.Generator().manual_seed(0)
    return {
        "rgb": torch.randn(1, 3, 64, 64, generator=generator),
        "dsm": torch.randn(1, 6, 64, 64, generator=generator),
    }


@torch.no_grad()
def outputs_of(model):
    return model.eval()(**images())


def test_adapters_begin_as_nothing():
    model, plain = tiny_model(), tiny_model()
    choose_trainable(model, "adapters")
    for name, value in outputs_of(model).items():
        torch.testing.assert_close(value, outputs_of(plain)[name], rtol=0, atol=0)


def test_merged_adapters_give_the_same_outputs_without_them():
    model = tiny_model()
    parameters = choose_trainable(model, "adapters")
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    plain = merged(model)
    assert set(plain.state_dict()) == set(tiny_model().state_dict())
    for name, value in outputs_of(model).items():
        torch.testing.assert_close(outputs_of(plain)[name], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("keep_old", [True, False])
def test_new_outputs_leave_the_old_ones_as_they_were(keep_old):
    model = tiny_model()
    teaching = plan_teaching(model.config, OUTPUTS, ("solar", "tile"), True, (), keep_old)
    grown, before = outputs_of(with_tasks(model, teaching.config)), outputs_of(model)
    assert grown["classes"].shape == (1, 3, 64, 64)
    assert set(grown) == ({*before, "classes"} if keep_old else {"classes"})
    for name in set(grown) & set(before):
        torch.testing.assert_close(grown[name], before[name], rtol=0, atol=1e-6)


def test_new_outputs_begin_the_same_for_the_same_seed():
    model = tiny_model()
    config = plan_teaching(model.config, OUTPUTS, ("solar", "tile"), True, (), True).config
    first, again, other = (with_tasks(model, config, seed).heads.weight for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_network_of_another_shape_cannot_be_grown():
    other = tiny_model()
    config = tiny_config()
    changed = type(config)(config.encoder, type(config.decoder)("fpn", width=32, skip_width=8), config.tasks)
    with pytest.raises((ValueError, RuntimeError)):
        with_tasks(other, changed)


@pytest.mark.parametrize(("mode", "learns"), [("head", False), ("adapters", True), ("full", True)])
def test_the_mode_says_whether_the_encoder_learns(mode, learns):
    model = tiny_model()
    choose_trainable(model, mode)
    assert any(parameter.requires_grad for parameter in model.encoder.parameters()) == learns
    assert all(parameter.requires_grad for parameter in model.heads.parameters())
    if mode == "adapters":
        frozen = [name for name, item in model.encoder.named_parameters() if not item.requires_grad]
        assert frozen and all(not name.endswith((".a", ".b")) for name in frozen)


def test_norms_keep_their_statistics():
    _, samples = town(1)
    model = tiny_model()
    before = {name: value.clone() for name, value in model.named_buffers()}
    learn_mode(model)
    model(**{name: torch.from_numpy(values[None]) for name, values in samples[0].inputs.items()})
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


@torch.no_grad()
@pytest.mark.parametrize("keep_old", [True, False])
def test_what_earlier_classes_see_of_the_picture_stays_or_goes_with_them(keep_old):
    first = plan_teaching(tiny_config(), OUTPUTS, ("solar", "tile"), True, (), True)
    model = with_tasks(tiny_model(), first.config)
    torch.nn.init.normal_(model.details["classes"].mix[-1].weight)
    second = plan_teaching(first.config, first.outputs, ("pool", "hedge", "road"), True, (), keep_old)
    grown = with_tasks(model, second.config)
    assert set(grown.details) == ({"classes", "classes_2"} if keep_old else {"classes_2"})
    assert not grown.details["classes_2"].mix[-1].weight.any()
    if keep_old:
        torch.testing.assert_close(outputs_of(grown)["classes"], outputs_of(model)["classes"], rtol=0, atol=1e-6)
