"""Published weights come in whole or not at all, whatever their authors called them."""

import argparse
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.backbone import Backbone
from ridgeline.engine.models.config import BackboneConfig
from ridgeline.engine.models.weights_import import import_weights

ARGS = {"embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4], "window_size": 3}
CONFIG = BackboneConfig("swin_tiny_patch4_window7_224", 3, ARGS, image_size=96)


@pytest.fixture(scope="module")
def swin() -> nn.Module:
    """A Swin with weights far from where they begin, as timm builds it."""
    torch.manual_seed(0)
    args = {name: tuple(value) if isinstance(value, list) else value for name, value in ARGS.items()}
    model = timm.create_model("swin_tiny_patch4_window7_224", img_size=96, num_classes=5, **args).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model


def official(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return timm's weights under the names of the official repository."""
    renamed = {}
    for name, value in model.state_dict().items():
        parts = name.split(".")
        if parts[0] == "layers" and parts[2] == "downsample":
            parts[1] = str(int(parts[1]) - 1)
        renamed[".".join(parts).replace("head.fc.", "head.")] = value
    renamed["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(9, 9, dtype=torch.long)
    return renamed


def openmmlab(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return timm's weights as OpenMMLab publishes them (its own converter's steps, from official names)."""
    renamed = {}
    for name, value in official(model).items():
        if name.startswith("head.") or name.endswith("relative_position_index"):
            continue
        if name.endswith("downsample.reduction.weight"):
            out, size = value.shape
            value = value.reshape(out, 4, size // 4)[:, [0, 2, 1, 3]].transpose(1, 2).reshape(out, size)  # noqa: PLW2901
        elif ".downsample.norm." in name:
            value = value.reshape(4, -1)[[0, 2, 1, 3]].transpose(0, 1).reshape(-1)  # noqa: PLW2901
        for ours, theirs in (
            ("layers.", "stages."),
            (".attn.", ".attn.w_msa."),
            (".mlp.fc1.", ".ffn.layers.0.0."),
            (".mlp.fc2.", ".ffn.layers.1."),
            ("patch_embed.proj.", "patch_embed.projection."),
        ):
            name = name.replace(ours, theirs)  # noqa: PLW2901
        renamed["backbone." + name] = value
    return renamed


def simmim(model: nn.Module) -> dict[str, torch.Tensor]:
    encoder = {f"encoder.{name}": value for name, value in official(model).items() if not name.startswith("head.")}
    encoder["encoder.mask_token"] = torch.full((1, 1, 16), 0.5)
    return {"decoder.0.weight": torch.zeros(4, 4, 1, 1), "decoder.0.bias": torch.zeros(4), **encoder}


def gfm(model: nn.Module) -> dict[str, torch.Tensor]:
    teacher = {f"teacher.{name}": value + 1 for name, value in official(model).items()}
    return {**simmim(model), **teacher, "projector.weight": torch.zeros(4, 4), "projector.bias": torch.zeros(4)}


def features_of(tensors: dict[str, torch.Tensor], image: torch.Tensor) -> list[torch.Tensor]:
    backbone = Backbone(CONFIG).eval()
    backbone.load_state_dict(tensors)
    with torch.no_grad():
        return backbone(image)


@pytest.mark.parametrize(
    ("style", "publish"),
    [
        ("timm", lambda model: model.state_dict()),
        ("swin", official),
        ("simmim", simmim),
        ("gfm", gfm),
        ("openmmlab", openmmlab),
    ],
)
@pytest.mark.parametrize("container", ["safetensors", "pickle"])
def test_every_style_gives_the_same_features(
    swin: nn.Module, tmp_path: Path, style: str, publish: object, container: str
) -> None:
    tensors = {name: value.clone().contiguous() for name, value in publish(swin).items()}
    path = tmp_path / ("weights.safetensors" if container == "safetensors" else "weights.pth")
    save_file(tensors, path) if container == "safetensors" else torch.save({"model": tensors, "epoch": 3}, path)
    imported = import_weights(path, CONFIG)
    assert imported.style == style
    image = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    found = features_of(imported.tensors, image)[-1]
    with torch.no_grad():
        expected = swin.forward_features(image).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (imported.mask_token is not None) == (style in ("simmim", "gfm"))


def test_the_order_of_merged_patches_is_that_of_unfold(swin: nn.Module) -> None:
    """OpenMMLab merges by ``nn.Unfold``; its weights must give there what timm's give here."""
    merge = swin.layers[1].downsample
    theirs = openmmlab(swin)
    x = torch.randn(1, 8, 8, 16)
    columns = nn.functional.unfold(x.permute(0, 3, 1, 2), kernel_size=2, stride=2).transpose(1, 2)
    weight = theirs["backbone.stages.0.downsample.norm.weight"]
    bias = theirs["backbone.stages.0.downsample.norm.bias"]
    normed = nn.functional.layer_norm(columns, (64,), weight, bias, 1e-5)
    found = nn.functional.linear(normed, theirs["backbone.stages.0.downsample.reduction.weight"])
    torch.testing.assert_close(found.reshape(1, 4, 4, 32), merge(x), rtol=1e-4, atol=1e-4)


def test_missing_and_strange_keys_are_listed_and_nothing_is_loaded(swin: nn.Module, tmp_path: Path) -> None:
    tensors = {name: value.clone() for name, value in swin.state_dict().items()}
    del tensors["layers.2.blocks.0.mlp.fc1.weight"]
    tensors["layers.2.blocks.7.mlp.fc1.weight"] = torch.zeros(3)
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(RidgelineError) as fault:
        import_weights(tmp_path / "odd.safetensors", CONFIG)
    assert fault.value.code is ErrorCode.BAD_MODEL
    assert "1 missing: net.model.layers.2.blocks.0.mlp.fc1.weight" in fault.value.message
    assert "1 left over: layers.2.blocks.7.mlp.fc1.weight" in fault.value.message


def test_another_width_is_refused_with_both_shapes(swin: nn.Module, tmp_path: Path) -> None:
    save_file({name: value.clone() for name, value in swin.state_dict().items()}, tmp_path / "w.safetensors")
    wider = BackboneConfig(CONFIG.name, 3, {**ARGS, "embed_dim": 24, "num_heads": [1, 2, 4, 8]}, 96)
    with pytest.raises(RidgelineError, match=r"patch_embed\.proj\.weight \(16, 3, 4, 4\) for \(24, 3, 4, 4\)"):
        import_weights(tmp_path / "w.safetensors", wider)


def test_tables_are_resized_for_another_window_and_the_first_layer_for_one_channel(
    swin: nn.Module, tmp_path: Path
) -> None:
    save_file({name: value.clone() for name, value in swin.state_dict().items()}, tmp_path / "w.safetensors")
    config = BackboneConfig(CONFIG.name, 1, {**ARGS, "window_size": 4}, 128)
    imported = import_weights(tmp_path / "w.safetensors", config)
    assert imported.tensors["net.model.layers.0.blocks.0.attn.relative_position_bias_table"].shape == (49, 1)
    torch.testing.assert_close(
        imported.tensors["net.model.patch_embed.proj.weight"],
        swin.patch_embed.proj.weight.detach().sum(dim=1, keepdim=True),
    )
    assert any("Resized" in note for note in imported.notes)


def test_convolutional_networks_come_in_by_timms_names(tmp_path: Path) -> None:
    args = {"channels": [8, 8, 16, 16], "stem_width": 8}
    model = timm.create_model(
        "resnet18d", num_classes=3, **{k: tuple(v) if isinstance(v, list) else v for k, v in args.items()}
    )
    save_file({name: value.clone() for name, value in model.state_dict().items()}, tmp_path / "r.safetensors")
    imported = import_weights(tmp_path / "r.safetensors", BackboneConfig("resnet18d", 6, args, skip=True))
    assert imported.tensors["net.conv1.0.weight"].shape[1] == 6
    assert torch.equal(imported.tensors["net.layer4.0.conv1.weight"], model.layer4[0].conv1.weight)


def test_a_pickle_with_more_than_tensors_is_refused_with_the_way_to_convert_it(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.zeros(1)}, "config": argparse.Namespace(lr=1)}, tmp_path / "gfm.pth")
    with pytest.raises(RidgelineError) as fault:
        import_weights(tmp_path / "gfm.pth", CONFIG)
    assert "'gfm.pth' hold more than tensors" in fault.value.message
    assert "safetensors" in fault.value.hint and "weights_only=False" in fault.value.hint


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RidgelineError, match=r"nothing\.pth"):
        import_weights(tmp_path / "nothing.pth", CONFIG)
