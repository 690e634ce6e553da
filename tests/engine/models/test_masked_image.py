"""Masked-image pretraining as SimMIM has it, and the traps on the way there."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ridgeline.engine.jobs import from_dict, to_dict
from ridgeline.engine.models.backbone import count_parameters
from ridgeline.engine.models.config import BackboneConfig, EncoderConfig
from ridgeline.engine.models.contrastive import info_nce, retrieval_top1
from ridgeline.engine.models.masked_config import MaskedImageConfig
from ridgeline.engine.models.masked_image import (
    MaskedImageModel,
    local_norm,
    make_decoder,
    make_masks,
    make_projection,
    masked_l1,
)
from ridgeline.engine.models.presets import swin_pair, trial_pair
from ridgeline.engine.training.optimiser import parameter_groups

NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}
CONVOLUTIONS = EncoderConfig(BackboneConfig("resnet18d", 3, NARROW), BackboneConfig("resnet18d", 1, NARROW))
PAIRS = {"swin": trial_pair(1), "convolutions": CONVOLUTIONS}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=list(PAIRS))


def batch(size: int = 64, count: int = 2, dsm_channels: int = 1) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    rgb = torch.randn(count, 3, size, size, generator=generator)
    dsm = torch.randn(count, dsm_channels, size, size, generator=generator)
    hidden = make_masks(count, size // 32, 0.6, generator)
    return rgb, dsm, hidden, hidden


def test_of_36_squares_22_are_hidden() -> None:
    masks = make_masks(50, 6, 0.6, torch.Generator().manual_seed(0))
    assert masks.shape == (50, 6, 6)
    assert (masks.flatten(1).sum(dim=1) == 22).all()


@given(st.integers(1, 12), st.floats(0.05, 0.95), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_every_sample_hides_the_same_share(cells: int, ratio: float, seed: int) -> None:
    masks = make_masks(3, cells, ratio, torch.Generator().manual_seed(seed))
    assert (masks.flatten(1).sum(dim=1) == math.ceil(cells * cells * ratio)).all()


def test_masks_differ_between_samples_and_between_generators() -> None:
    first = make_masks(8, 6, 0.6, torch.Generator().manual_seed(0))
    second = make_masks(8, 6, 0.6, torch.Generator().manual_seed(1))
    assert len({tuple(mask.flatten().tolist()) for mask in (*first, *second)}) == 16


@pytest.mark.parametrize(("inputs", "channels", "millions"), [(1024, 3, 3.15), (2048, 3, 6.29), (2048, 1, 2.10)])
def test_decoders_have_the_published_number_of_parameters(inputs: int, channels: int, millions: float) -> None:
    with torch.device("meta"):
        decoder = make_decoder(inputs, channels)
        assert decoder(torch.zeros(1, inputs, 6, 6)).shape == (1, channels, 192, 192)
    assert round(count_parameters(decoder) / 1e6, 2) == millions


def test_the_published_pair_has_its_sizes() -> None:
    with torch.device("meta"):
        model = MaskedImageModel(MaskedImageConfig(swin_pair("base", 1)))
    assert round(count_parameters(model.rgb.backbone) / 1e6, 2) == 86.73
    assert round(count_parameters(model.dsm.backbone) / 1e6, 2) == 86.72
    assert round(count_parameters(model.rgb_decoder) / 1e6, 2) == 6.29
    assert round(count_parameters(model.dsm_decoder) / 1e6, 2) == 2.10


@pairs
def test_a_single_channel_is_rebuilt_as_one_channel(pair: EncoderConfig) -> None:
    result = MaskedImageModel(MaskedImageConfig(pair, image_size=64))(*batch())
    assert result.rgb_rebuilt.shape == (2, 3, 64, 64)
    assert result.dsm_rebuilt.shape == (2, 1, 64, 64)


def test_a_target_of_another_shape_is_refused_rather_than_broadcast() -> None:
    with pytest.raises(ValueError, match="one shape"):
        masked_l1(torch.zeros(2, 1, 8, 8), torch.zeros(2, 3, 8, 8), torch.ones(2, 1, 8, 8))


def test_the_loss_is_simmims_formula() -> None:
    image, rebuilt = torch.randn(2, 3, 64, 64), torch.randn(2, 3, 64, 64)
    hidden = make_masks(2, 2, 0.6, torch.Generator().manual_seed(0))
    mask = hidden.repeat_interleave(32, 1).repeat_interleave(32, 2).unsqueeze(1).float()
    by_hand = nn.functional.l1_loss(image, rebuilt, reduction="none")
    by_hand = (by_hand * mask).sum() / (mask.sum() + 1e-5) / 3
    torch.testing.assert_close(masked_l1(image, rebuilt, mask), by_hand)
    shown = torch.where(mask > 0, image, image + 100)
    assert torch.equal(masked_l1(shown, rebuilt, mask), masked_l1(image, rebuilt, mask))


@pairs
def test_what_is_hidden_is_not_seen(pair: EncoderConfig) -> None:
    torch.manual_seed(0)
    model = MaskedImageModel(MaskedImageConfig(pair, image_size=64)).eval()
    rgb, _, hidden, _ = batch()
    pixels = hidden.repeat_interleave(32, 1).repeat_interleave(32, 2)[:, None]
    other = torch.where(pixels, torch.randn_like(rgb), rgb)
    first, second = model.rgb(rgb, hidden), model.rgb(other, hidden)
    assert torch.equal(first, second)
    assert not torch.equal(model.rgb(torch.where(pixels, rgb, rgb + 1), hidden), first)


@pairs
def test_every_trainable_parameter_gets_a_gradient(pair: EncoderConfig) -> None:
    torch.manual_seed(0)
    model = MaskedImageModel(MaskedImageConfig(pair, image_size=64))
    model(*batch()).loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    assert model.rgb.mask_token.grad.abs().max() > 0


@pairs
def test_weight_decay_spares_tokens_and_position_tables(pair: EncoderConfig) -> None:
    model = MaskedImageModel(MaskedImageConfig(pair, image_size=64))
    spared = {id(p) for g in parameter_groups(model, 0.05) if g["weight_decay"] == 0 for p in g["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in spared}
    wanted = {
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.ndim == 1 or "mask_token" in name or "position_bias_table" in name)
    }
    assert names == wanted
    assert sum("mask_token" in name for name in names) == 2


def test_the_total_is_the_weighted_sum() -> None:
    torch.manual_seed(0)
    config = MaskedImageConfig(CONVOLUTIONS, image_size=64)
    result = MaskedImageModel(config)(*batch())
    rebuilding = 0.5 * (result.rgb_loss + result.dsm_loss)
    torch.testing.assert_close(result.loss, 0.95 * rebuilding + 0.05 * result.contrastive_loss)


def test_the_contrast_is_between_what_masks_leave_or_between_whole_pictures_as_configured() -> None:
    torch.manual_seed(0)
    rgb, dsm, hidden, _ = batch()
    for whole in (True, False):
        config = MaskedImageConfig(trial_pair(1), image_size=64, contrast_whole=whole)
        model = MaskedImageModel(config).eval()
        first, second = model(rgb, dsm, hidden, hidden), model(rgb, dsm, ~hidden, ~hidden)
        assert torch.equal(first.contrastive_loss, second.contrastive_loss) == whole
        assert not torch.equal(first.rgb_loss, second.rgb_loss)


def test_a_shared_mask_gives_partners_away_unless_pictures_are_compared_whole() -> None:
    torch.manual_seed(0)
    same = torch.zeros(16, 3, 128, 128), torch.zeros(16, 1, 128, 128)  # nothing to tell the samples apart by
    hidden = make_masks(16, 4, 0.6, torch.Generator().manual_seed(0))
    for whole in (True, False):
        config = MaskedImageConfig(CONVOLUTIONS, image_size=128, alpha=1.0, contrast_whole=whole, projection_pool=4)
        model = MaskedImageModel(config)
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(25):
            loss = model(*same, hidden, hidden).contrastive_loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        chance = math.log(16)
        assert (loss > 0.99 * chance) if whole else (loss < 0.5 * chance)


def test_features_pooled_in_cells_tell_where_things_are() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 16, 4, 4)
    turned = features.flip(-1)
    for layers in (1, 2):
        once, cells = make_projection(16, 8, layers), make_projection(16, 8, layers, pool=2)
        assert once(features).shape == cells(features).shape == (2, 8)
        torch.testing.assert_close(once(turned), once(features))
        assert not torch.allclose(cells(turned), cells(features))


def test_decoders_may_see_their_own_encoder_alone() -> None:
    torch.manual_seed(0)
    rgb, dsm, hidden, _ = batch()
    for joint in (True, False):
        model = MaskedImageModel(MaskedImageConfig(CONVOLUTIONS, image_size=64, joint_decoders=joint)).eval()
        same = torch.equal(model(rgb, dsm, hidden, hidden).rgb_rebuilt, model(rgb, dsm + 1, hidden, hidden).rgb_rebuilt)
        assert same != joint


def test_pixels_without_data_are_not_asked_for() -> None:
    torch.manual_seed(0)
    model = MaskedImageModel(MaskedImageConfig(CONVOLUTIONS, image_size=64)).eval()
    rgb, dsm, hidden, _ = batch()
    valid = torch.ones(2, 1, 64, 64, dtype=torch.bool)
    valid[..., :20] = False
    pixels = hidden.repeat_interleave(32, 1).repeat_interleave(32, 2)[:, None]
    wild = torch.where(~valid & pixels, torch.full_like(dsm, 1e4), dsm)  # hidden and without data: seen nowhere
    calm = model(rgb, dsm, hidden, hidden, None, valid)
    torch.testing.assert_close(model(rgb, wild, hidden, hidden, None, valid).dsm_loss, calm.dsm_loss)


def test_local_norm_takes_away_offset_and_scale() -> None:
    image = torch.randn(1, 1, 64, 64)
    torch.testing.assert_close(local_norm(image * 30 + 500, 15), local_norm(image, 15), rtol=1e-2, atol=2e-2)


def test_info_nce_is_small_for_partners_and_the_logarithm_of_the_batch_for_strangers() -> None:
    features = torch.eye(16)
    assert info_nce(features, features, 0.07) < 1e-3
    same = torch.ones(16, 8)
    torch.testing.assert_close(info_nce(same, same, 0.07), torch.tensor(math.log(16)))
    assert retrieval_top1(features, features) == 1.0


def test_configurations_survive_json_and_refuse_nonsense() -> None:
    config = MaskedImageConfig(trial_pair(1), alpha=0.1, shared_mask=False)
    assert from_dict(MaskedImageConfig, to_dict(config)) == config
    with pytest.raises(ValueError, match="multiple of 32"):
        MaskedImageConfig(trial_pair(1), image_size=100)
    with pytest.raises(ValueError, match="a backbone for rgb"):
        MaskedImageConfig(EncoderConfig(None, CONVOLUTIONS.dsm))
    with pytest.raises(ValueError, match="projection_pool 1 or more"):
        MaskedImageConfig(trial_pair(1), projection_pool=0)
